import { type Bytes, close, ftruncate, type Mapping, mapShared, memfdCreate } from '@emplace/syscalls';
import { THREADS_MAX } from '../threads/setup.ts';

/**
 * Memory that supervisor and mover share, a page for each thread of the mover. A thread writes down each call before it makes it, which costs
 * some memory stores and no system call, so that one which never returns can be named. The supervisor asks in the first to stop.
 *
 * Not guaranteed: that both see a call whole while it changes; the supervisor believes what stays the same between two looks.
 */
const SIZE = 4096;
const CALL = 0;
const COUNT = 1;
const STOP = 2;
const FIRST_HANDLE = 3;
const SECOND_HANDLE = 4;
const FIRST_LENGTH = 5;
const SECOND_LENGTH = 6;
const FIRST_NAME = 64;
const SECOND_NAME = 2080;
const NAME_MAX = 2000;

/** What a thread of the mover is doing. */
export interface Doing {
  /** Number of the call, from 1; 0: none, it thinks or waits for us. */
  readonly call: number;
  /** Grows with each call; 0: it has made none. */
  readonly count: number;
  /** Descriptors of the mover, below which the names are; 0: none. */
  readonly handles: readonly [number, number];
  readonly names: readonly [Bytes, Bytes];
}

/** The page of one thread. */
export class Slot {
  readonly #words: Int32Array;
  readonly #bytes: Buffer;

  constructor(memory: ArrayBuffer, offset: number) {
    this.#words = new Int32Array(memory, offset, SIZE / 4);
    this.#bytes = Buffer.from(memory, offset, SIZE);
  }

  /** Writes down a call that is about to be made: its handles (0: none) and its names. */
  enter(call: number, from: number, source: Bytes, to: number, target: Bytes): void {
    const words = this.#words;
    words[FIRST_HANDLE] = from;
    words[SECOND_HANDLE] = to;
    words[FIRST_LENGTH] = this.#bytes.latin1Write(source, FIRST_NAME, NAME_MAX);
    words[SECOND_LENGTH] = this.#bytes.latin1Write(target, SECOND_NAME, NAME_MAX);
    words[COUNT] = ((words[COUNT] ?? 0) + 1) | 0;
    words[CALL] = call;
  }

  clear(): void {
    this.#words[CALL] = 0;
    this.#words[COUNT] = 0;
  }

  leave(): void {
    this.#words[CALL] = 0;
  }

  read(): Doing {
    const word = (at: number): number => this.#words[at] ?? 0;
    const name = (at: number, length: number): Bytes => this.#bytes.latin1Slice(at, at + length) as Bytes;
    return {
      call: word(CALL),
      count: word(COUNT),
      handles: [word(FIRST_HANDLE), word(SECOND_HANDLE)],
      names: [name(FIRST_NAME, word(FIRST_LENGTH)), name(SECOND_NAME, word(SECOND_LENGTH))],
    };
  }

  /** Asks the mover to stop at its next safe point. */
  askToStop(): void {
    this.#words[STOP] = 1;
  }

  get stopAsked(): boolean {
    return this.#words[STOP] === 1;
  }
}

export class Page implements Disposable {
  readonly #mapping: Mapping;
  /** Of the main thread, then of the others. */
  readonly slots: readonly Slot[];

  /** @param fd of a file of {@link newPage} */
  constructor(fd: number) {
    this.#mapping = mapShared(fd, SIZE * THREADS_MAX);
    const { memory } = this.#mapping;
    this.slots = Array.from({ length: THREADS_MAX }, (_, index) => new Slot(memory, index * SIZE));
  }

  /** What the main thread writes down, and is asked. */
  get main(): Slot {
    return this.slots[0] as Slot;
  }

  /** Before another mover gets it. */
  clear(): void {
    for (const slot of this.slots) slot.clear();
  }

  [Symbol.dispose](): void {
    this.#mapping[Symbol.dispose]();
  }
}

/** A new page, and the descriptor by which a child gets it. */
export function newPage(): { readonly page: Page; readonly fd: number } {
  const fd = memfdCreate('emplace-page');
  try {
    ftruncate(fd, SIZE * THREADS_MAX);
    return { page: new Page(fd), fd };
  } catch (error) {
    close(fd);
    throw error;
  }
}
