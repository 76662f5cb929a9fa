import type { Bytes } from '@emplace/syscalls';
import { Numbers } from '../numbers.ts';

/** How an entry stands in memory, its name aside: that follows its numbers. */
export interface Layout<T> {
  /** Bytes of its numbers. */
  readonly width: number;
  readonly write: (entry: T, to: DataView, at: number) => void;
  readonly read: (from: DataView, at: number, name: Bytes) => T;
}

/** Bytes that are asked for at once; a start is the number of a block and a place in it. */
const BLOCK = 1 << 16;
/** {@link Numbers} have 32 bits: some 70 million entries, each list. */
const START_MAX = 2 ** 32 - 1;

/**
 * A list outside of V8's heap: of a million entries each takes some 60 bytes here, an object 300 and the collector's time. What is taken
 * out is a copy: changing it changes nothing here.
 */
export class PackedList<T extends { readonly name: Bytes }> implements Iterable<T> {
  readonly #layout: Layout<T>;
  readonly #blocks: { readonly bytes: Buffer; readonly view: DataView }[] = [];
  /** Taken of the last block. */
  #used = BLOCK;
  #starts = new Numbers();

  constructor(layout: Layout<T>) {
    this.#layout = layout;
  }

  get length(): number {
    return this.#starts.length;
  }

  /** @returns its index */
  push(entry: T): number {
    const { width, write } = this.#layout;
    const { name } = entry;
    const size = width + 2 + name.length;
    if (this.#used + size > BLOCK) this.#addBlock();
    const start = (this.#blocks.length - 1) * BLOCK + this.#used;
    // A list that wraps around would place one entry under the name of another.
    if (start > START_MAX) throw new RangeError('more entries than a plan can have');
    const { bytes, view } = this.#blockOf(start);
    const at = start % BLOCK;
    write(entry, view, at);
    view.setUint16(at + width, name.length, true);
    bytes.write(name, at + width + 2, 'latin1');
    this.#used += size;
    this.#starts.push(start);
    return this.#starts.length - 1;
  }

  at(index: number): T {
    const { width, read } = this.#layout;
    const start = this.#startOf(index);
    const { bytes, view } = this.#blockOf(start);
    const at = start % BLOCK;
    const name = at + width + 2;
    return read(view, at, bytes.latin1Slice(name, name + view.getUint16(at + width, true)) as Bytes);
  }

  /** Another entry with the same name. */
  set(index: number, entry: T): void {
    const start = this.#startOf(index);
    this.#layout.write(entry, this.#blockOf(start).view, start % BLOCK);
  }

  /** Takes entries out, by their indexes; those after them move up. */
  drop(indexes: ReadonlySet<number>): void {
    if (indexes.size === 0) return;
    const kept = new Numbers();
    for (const [index, start] of this.#starts.array.entries()) if (!indexes.has(index)) kept.push(start);
    this.#starts = kept;
  }

  *entries(): Generator<[number, T]> {
    for (let index = 0; index < this.length; index++) yield [index, this.at(index)];
  }

  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }

  #addBlock(): void {
    const bytes = Buffer.allocUnsafeSlow(BLOCK);
    this.#blocks.push({ bytes, view: new DataView(bytes.buffer) });
    this.#used = 0;
  }

  #startOf(index: number): number {
    if (!(index >= 0 && index < this.length)) throw new RangeError(`bug: no entry ${index} of ${this.length}`);
    return this.#starts.at(index);
  }

  #blockOf(start: number): { readonly bytes: Buffer; readonly view: DataView } {
    const block = this.#blocks[Math.floor(start / BLOCK)];
    if (block === undefined) throw new Error(`bug: no block at ${start}`);
    return block;
  }
}
