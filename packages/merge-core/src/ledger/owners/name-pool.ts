import type { Bytes } from '@emplace/syscalls';
import type { Numbers } from '../../numbers.ts';

/** Of no name. */
export const NONE = -1;

/**
 * Different names, each with a number from 0, in one buffer: a million of them take a few bytes each more than their
 * letters, where strings in a Map would take a hundred.
 */
export class NamePool {
  /** All names, one after the other. */
  bytes: Uint8Array;
  /** Where each ends in `bytes`; it begins where the one before it ends. */
  readonly ends: Numbers;
  /** Number of a name + 1 at the place that its hash gives, or at the next free one. Half of it stays free. */
  #table: Int32Array;
  /** Chosen anew each time, so that nobody can ship names that all hash alike. */
  readonly #seed: number;

  constructor(bytes: Uint8Array, ends: Numbers, seed: number) {
    this.bytes = bytes;
    this.ends = ends;
    this.#seed = seed;
    this.#table = this.#hashed();
  }

  get count(): number {
    return this.ends.length;
  }

  startOf(name: number): number {
    return name === 0 ? 0 : this.ends.at(name - 1);
  }

  endOf(name: number): number {
    return this.ends.at(name);
  }

  text(name: number): Bytes {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset).latin1Slice(
      this.startOf(name),
      this.endOf(name),
    ) as Bytes;
  }

  /** The number of the name that stands in `from` between two offsets; NONE when it is not known. */
  find(from: Uint8Array, start: number, end: number): number {
    return (this.#table[this.#place(from, start, end)] as number) - 1;
  }

  /** As find; a name that is not known is added. */
  intern(from: Uint8Array, start: number, end: number): number {
    const place = this.#place(from, start, end);
    const known = this.#table[place] as number;
    if (known !== 0) return known - 1;
    const at = this.count === 0 ? 0 : this.endOf(this.count - 1);
    const length = end - start;
    if (at + length > this.bytes.length) this.#grow(at + length);
    for (let i = 0; i < length; i++) this.bytes[at + i] = from[start + i] as number;
    this.ends.push(at + length);
    this.#table[place] = this.count;
    if (this.count * 2 > this.#table.length) this.#table = this.#hashed();
    return this.count - 1;
  }

  #place(from: Uint8Array, start: number, end: number): number {
    const mask = this.#table.length - 1;
    for (let place = this.#hash(from, start, end) & mask; ; place = (place + 1) & mask) {
      const name = (this.#table[place] as number) - 1;
      if (name === NONE || this.#equals(name, from, start, end)) return place;
    }
  }

  #equals(name: number, from: Uint8Array, start: number, end: number): boolean {
    const at = this.startOf(name);
    if (this.endOf(name) - at !== end - start) return false;
    for (let i = 0; i < end - start; i++) if (this.bytes[at + i] !== from[start + i]) return false;
    return true;
  }

  /** FNV-1a, and a last mix, for the table is indexed by the low bits. */
  #hash(from: Uint8Array, start: number, end: number): number {
    let hash = this.#seed;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (from[i] as number), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    return (hash ^ (hash >>> 13)) >>> 0;
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2, 4096));
    bytes.set(this.bytes);
    this.bytes = bytes;
  }

  #hashed(): Int32Array {
    let size = 1024;
    while (size < this.count * 4) size *= 2;
    const table = new Int32Array(size);
    for (let name = 0; name < this.count; name++) {
      let place = this.#hash(this.bytes, this.startOf(name), this.endOf(name)) & (size - 1);
      while (table[place] !== 0) place = (place + 1) & (size - 1);
      table[place] = name + 1;
    }
    return table;
  }
}
