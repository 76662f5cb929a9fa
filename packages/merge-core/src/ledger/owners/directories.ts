import { Numbers } from '../../numbers.ts';
import { NONE } from './name-pool.ts';

/** The directory that all others are below. */
export const TOP = 0;

/** The directories of all paths, each by the one that it is in and its name's number. */
export class Directories {
  /** By number; that of the top is its own. A directory comes after the one that it is in. */
  readonly parents: Numbers;
  readonly names: Numbers;
  /** As in NamePool. */
  #table: Int32Array;

  constructor(parents: Numbers = new Numbers(), names: Numbers = new Numbers()) {
    this.parents = parents;
    this.names = names;
    if (parents.length === 0) {
      parents.push(TOP);
      names.push(0);
    }
    this.#table = this.#hashed();
  }

  get count(): number {
    return this.parents.length;
  }

  /** The number of the directory `name` in `parent`; NONE when it is not known. */
  find(parent: number, name: number): number {
    return (this.#table[this.#place(parent, name)] as number) - 1;
  }

  intern(parent: number, name: number): number {
    const place = this.#place(parent, name);
    const known = this.#table[place] as number;
    if (known !== 0) return known - 1;
    this.parents.push(parent);
    this.names.push(name);
    this.#table[place] = this.count;
    if (this.count * 2 > this.#table.length) this.#table = this.#hashed();
    return this.count - 1;
  }

  #place(parent: number, name: number): number {
    const mask = this.#table.length - 1;
    for (let place = hash(parent, name) & mask; ; place = (place + 1) & mask) {
      const directory = (this.#table[place] as number) - 1;
      if (directory === NONE) return place;
      if (this.parents.at(directory) === parent && this.names.at(directory) === name) return place;
    }
  }

  #hashed(): Int32Array {
    let size = 1024;
    while (size < this.count * 4) size *= 2;
    const table = new Int32Array(size);
    // The top is in no directory: nothing finds it.
    for (let directory = 1; directory < this.count; directory++) {
      let place = hash(this.parents.at(directory), this.names.at(directory)) & (size - 1);
      while (table[place] !== 0) place = (place + 1) & (size - 1);
      table[place] = directory + 1;
    }
    return table;
  }
}

function hash(parent: number, name: number): number {
  const mixed = Math.imul(parent ^ Math.imul(name, 0x9e3779b1), 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
