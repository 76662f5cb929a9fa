import { isErrno, read } from '@emplace/syscalls';

/** The longest line that is sure to be looked at: a path of PATH_MAX, and some. Longer ones may be passed over. */
const LINE_MAX = 16 * 1024;
const PIECE = 256 * 1024;

/** A line from `start` to `end` of the buffer, good until the visit ends. */
export type VisitLine = (buffer: Buffer, start: number, end: number) => void;

/** Reads files line by line through one buffer, and of all of them together no more than a given number of bytes. */
export class LineReader {
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(PIECE + LINE_MAX);
  #bytesLeft: number;
  readonly #untilMs: number;

  /**
   * @param untilMs of performance.now(): after it nothing is read any more
   * @param bytesMax a sparse file of a terabyte costs its maker nothing, and would cost us hours
   */
  constructor(untilMs: number = Number.POSITIVE_INFINITY, bytesMax: number = 256 * 1024 * 1024) {
    this.#untilMs = untilMs;
    this.#bytesLeft = bytesMax;
  }

  /** Nothing is read any more: it took too long, or was too much. */
  get isOver(): boolean {
    return this.#bytesLeft <= 0 || performance.now() >= this.#untilMs;
  }

  /** All lines of a regular file from its position on; what is not ended by a newline too. Stops at a read error. */
  visit(fd: number, visit: VisitLine): void {
    const buffer = this.#buffer;
    /** Bytes of a line that goes on, at the start of the buffer. */
    let kept = 0;
    let tooLong = false;
    while (!this.isOver) {
      const wanted = Math.min(PIECE, this.#bytesLeft);
      const count = tryRead(fd, buffer.subarray(kept, kept + wanted));
      this.#bytesLeft -= count;
      const end = kept + count;
      let start = 0;
      // By text: quicker than a look at each byte until the loop is compiled, and most scans end before it is.
      const text = buffer.latin1Slice(0, end);
      for (let at = text.indexOf('\n', kept); at !== -1; at = text.indexOf('\n', start)) {
        if (!tooLong) visit(buffer, start, at);
        tooLong = false;
        start = at + 1;
      }
      kept = end - start;
      // A regular file gives less than was asked for only at its end.
      if (count < wanted) {
        if (kept > 0 && !tooLong) visit(buffer, start, end);
        return;
      }
      if (kept > LINE_MAX) [kept, tooLong] = [0, true];
      else buffer.copyWithin(0, start, end);
    }
  }
}

function tryRead(fd: number, into: Buffer): number {
  try {
    return read(fd, into);
  } catch (error) {
    if (isErrno(error)) return 0;
    throw error;
  }
}
