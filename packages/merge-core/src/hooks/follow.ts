import type { ChildProcess } from 'node:child_process';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Bytes } from '@emplace/syscalls';
import { type Ending, ended } from './ending.ts';
import { type Chunks, type Writing, writeAll } from './input.ts';
import { capture, type From, type Output, type Reading, readLines } from './output.ts';
import type { ProgramSpec } from './spawn-program.ts';
import type { Ends } from './stdio.ts';

export type Ended = Ending & {
  readonly output: Output;
  /** Somebody whom it started still had its output open a moment later, and was left alone with that. */
  readonly held: boolean;
};

const GRACE_MS = 5000;
const OUTPUT_BYTES_MAX = 64 * 1024;
/** For those who have a program's output open after its end. What it wrote itself is in the pipe and read at once. */
const HELD_MS = 500;

/**
 * Goes along with a program to its end: feeds it, reads what it writes, ends it when its time is over. It owns `ends`.
 * Rejects with what `spec.onLine` or `spec.stdin` threw, once the program has been ended.
 */
export async function follow(child: ChildProcess, ends: Ends, spec: ProgramSpec): Promise<Ended> {
  const kept = capture(spec.outputBytesMax ?? OUTPUT_BYTES_MAX);
  const failed = new AbortController();
  const fail = (error: unknown): void => failed.abort({ error });
  const hear = (line: Bytes, from: From): void => {
    try {
      if (!failed.signal.aborted) spec.onLine?.(line, from);
    } catch (error) {
      fail(error);
    }
  };
  const readings = (['stdout', 'stderr'] as const).map((from) =>
    readLines(ends[from], kept.add, (line) => hear(line, from)),
  );
  const writing = ends.stdin === undefined ? undefined : writeAll(ends.stdin, spec.stdin as Chunks, fail);
  const stop = spec.signal === undefined ? failed.signal : AbortSignal.any([spec.signal, failed.signal]);
  const terms = { ownGroup: spec.session !== 'shared', timeoutMs: spec.timeoutMs, graceMs: spec.graceMs ?? GRACE_MS };
  const ending = await ended(child, terms, stop);
  const held = await givenUp(readings, writing);
  if (failed.signal.aborted) throw (failed.signal.reason as { error: unknown }).error;
  return { ...ending, output: kept.output(), held };
}

/** The program has ended. @returns whether somebody still has its output open */
async function givenUp(readings: readonly Reading[], writing: Writing | undefined): Promise<boolean> {
  const closed = Promise.all(readings.map((reading) => reading.ended)).then(() => false);
  const over = new AbortController();
  const late = setTimeout(HELD_MS, true, { signal: over.signal }).catch(() => true);
  let held = await Promise.race([closed, late]);
  over.abort();
  // When the event loop was blocked for that long, what waits in the pipes has still to be read.
  if (held) held = await Promise.race([closed, setImmediate(true)]);
  writing?.stop();
  for (const reading of readings) reading.stop();
  await closed;
  return held;
}
