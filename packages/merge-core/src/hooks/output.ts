import { once } from 'node:events';
import { Socket } from 'node:net';
import type { Bytes } from '@emplace/syscalls';

export type From = 'stdout' | 'stderr';

/** A line that is longer is handed on in pieces: a program that prints none must not fill the memory. */
const LINE_BYTES_MAX = 16 * 1024;

/** What a program wrote, both streams as they came. */
export interface Output {
  readonly bytes: Bytes;
  /** There was more than was to be kept. */
  readonly cut: boolean;
}

/** Keeps the first `bytesMax` bytes of several streams, in the order in which they were read. */
export interface Capture {
  add(chunk: Buffer): void;
  output(): Output;
}

export function capture(bytesMax: number): Capture {
  const kept: string[] = [];
  let left = bytesMax;
  let cut = false;
  return {
    add(chunk) {
      if (left > 0) kept.push(chunk.subarray(0, left).latin1Slice());
      cut ||= chunk.byteLength > left;
      left = Math.max(left - chunk.byteLength, 0);
    },
    output: () => ({ bytes: kept.join('') as Bytes, cut }),
  };
}

/** The end of a pipe that a program writes to. */
export interface Reading {
  /** Nobody can write to it any more. */
  readonly ended: Promise<unknown>;
  /** Stops reading and hands on a last line without its end. Who writes after that gets SIGPIPE. */
  stop(): void;
}

/** Reads a pipe to its end. It owns `fd`. */
export function readLines(fd: number, onChunk: (chunk: Buffer) => void, onLine: (line: Bytes) => void): Reading {
  const socket = new Socket({ fd, readable: true, writable: false });
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    onChunk(chunk);
    const lines = (rest + chunk.latin1Slice()).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) onLine(line as Bytes);
    for (; rest.length > LINE_BYTES_MAX; rest = rest.slice(LINE_BYTES_MAX))
      onLine(rest.slice(0, LINE_BYTES_MAX) as Bytes);
  });
  const flush = (): void => {
    if (rest !== '') onLine(rest as Bytes);
    rest = '';
  };
  socket.on('end', flush);
  // A pipe that breaks has ended.
  socket.on('error', () => {});
  return {
    ended: once(socket, 'close'),
    stop() {
      flush();
      socket.destroy();
    },
  };
}
