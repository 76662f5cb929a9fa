import { randomInt } from 'node:crypto';
import type { Bytes } from '@emplace/syscalls';
import { Numbers } from '../../numbers.ts';
import { sorted, startsOf } from './counting.ts';
import { Directories, TOP } from './directories.ts';
import { NamePool, NONE } from './name-pool.ts';
import type { Indexed, Tables } from './tables.ts';

const SLASH = 0x2f;

/** A hash that nobody knows beforehand: see NamePool. */
export function newSeed(): number {
  return randomInt(2 ** 31);
}

/** Takes the paths of one package after the other, and sorts them all at the end. */
export class Builder {
  readonly #names = new NamePool(new Uint8Array(0), new Numbers(), newSeed());
  readonly #directories = new Directories();
  readonly #entryName = new Numbers();
  readonly #entryDirectory = new Numbers();
  readonly #entryPackage = new Numbers();
  /** By directory: the last package that was noted as its owner. */
  readonly #ownedBy = new Map<number, number>();
  #scratch: Buffer = Buffer.alloc(4096);
  /** The directory of the path before: paths of a directory mostly come together. */
  #lastParent = '';
  #lastDirectory = TOP;

  /** A path of a package; all directories on the way are its too (E.11). Packages come in ascending order. */
  add(pack: number, path: Bytes, isDirectory: boolean): void {
    const slash = path.lastIndexOf('/');
    const parent = this.#directoryOf(path, Math.max(slash, 0));
    if (path.length > this.#scratch.length) this.#scratch = Buffer.alloc(path.length * 2);
    const end = this.#scratch.latin1Write(path.slice(slash + 1), 0);
    const name = this.#names.intern(this.#scratch, 0, end);
    if (isDirectory) {
      this.#own(pack, this.#directories.intern(parent, name));
    } else {
      this.#own(pack, parent);
      this.#entry(pack, parent, name);
    }
  }

  #entry(pack: number, directory: number, name: number): void {
    this.#entryName.push(name);
    this.#entryDirectory.push(directory);
    this.#entryPackage.push(pack);
  }

  /** Notes a package as an owner of a directory and of all above it. */
  #own(pack: number, directory: number): void {
    for (let at = directory; at !== TOP && this.#ownedBy.get(at) !== pack; at = this.#directories.parents.at(at)) {
      this.#ownedBy.set(at, pack);
      this.#entry(pack, this.#directories.parents.at(at), this.#directories.names.at(at));
    }
  }

  #directoryOf(path: Bytes, length: number): number {
    if (length === this.#lastParent.length && path.startsWith(this.#lastParent)) return this.#lastDirectory;
    if (length > this.#scratch.length) this.#scratch = Buffer.alloc(length * 2);
    const end = this.#scratch.latin1Write(path.slice(0, length), 0);
    let directory = TOP;
    for (let start = 0; start < end; ) {
      const slash = this.#scratch.indexOf(SLASH, start);
      const stop = slash === -1 || slash > end ? end : slash;
      directory = this.#directories.intern(directory, this.#names.intern(this.#scratch, start, stop));
      start = stop + 1;
    }
    this.#lastParent = path.slice(0, length);
    this.#lastDirectory = directory;
    return directory;
  }

  /** Takes over the packages of other tables. @param renumbered by their number there, the one they get here; NONE for those that go */
  copy(tables: Tables, renumbered: Int32Array): void {
    const { names, directories, starts, entryDirectory, entryPackage } = tables;
    // Names and directories that only a package had that goes are not taken along: each is asked for when it is needed.
    const newName = new Int32Array(names.count).fill(NONE);
    const newDirectory = new Int32Array(directories.count).fill(NONE);
    newDirectory[TOP] = TOP;
    const nameOf = (name: number): number => {
      if (newName[name] === NONE)
        newName[name] = this.#names.intern(names.bytes, names.startOf(name), names.endOf(name));
      return newName[name] as number;
    };
    const directoryOf = (directory: number): number => {
      if (newDirectory[directory] === NONE) {
        const parent = directoryOf(directories.parents.at(directory));
        newDirectory[directory] = this.#directories.intern(parent, nameOf(directories.names.at(directory)));
      }
      return newDirectory[directory] as number;
    };
    for (let name = 0; name < names.count; name++) {
      for (let entry = starts[name] as number; entry < (starts[name + 1] as number); entry++) {
        const pack = renumbered[entryPackage[entry] as number] as number;
        if (pack !== NONE) this.#entry(pack, directoryOf(entryDirectory[entry] as number), nameOf(name));
      }
    }
  }

  /** Everything that was added. The builder is of no use afterwards. */
  finish(packages: readonly Indexed[]): Tables {
    const columns = [this.#entryPackage.array, this.#entryDirectory.array, this.#entryName.array] as const;
    // Each pass keeps the order of those before it among equals.
    const byPackage = sorted(columns, 0, packages.length);
    const byDirectory = sorted(byPackage, 1, this.#directories.count);
    const [entryPackage, entryDirectory, entryName] = sorted(byDirectory, 2, this.#names.count);
    const starts = startsOf(entryName, this.#names.count);
    return { packages, names: this.#names, directories: this.#directories, starts, entryDirectory, entryPackage };
  }
}
