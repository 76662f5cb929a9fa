import { setTimeout } from 'node:timers/promises';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, type Bytes, STATX_INO, STATX_TYPE, statx } from '@emplace/syscalls';
import { type Holder, writeHoldersOf } from '../processes/holders.ts';
import { ProcUnavailableError } from '../processes/proc.ts';
import { writersOf } from './writers.ts';

/** How it was found out: by a read lease, or by looking at what every process has open. */
export type SettledBy = 'lease' | 'proc';

export type Settled =
  | { readonly state: 'settled'; readonly by: SettledBy }
  /** `writers` are those that could be seen, perhaps none: a process of another PID namespace, or one that may not be read. */
  | { readonly state: 'busy'; readonly by: SettledBy; readonly writers: readonly Holder[] }
  /** A lease was refused with `lease` (errno name), and /proc does not show all processes, or is not there. */
  | { readonly state: 'unknown'; readonly lease: string };

/** First and longest pause between two looks. A look by lease costs microseconds, one through /proc up to 0.2 s. */
const PAUSE_MS = { lease: [1, 100], proc: [50, 1000] } as const;

/**
 * Waits until nobody has a regular file open for writing, so that exec of it does not fail with ETXTBSY: somebody who
 * forked while it was being written has a descriptor, until exec closes it (Go issue 22315).
 *
 * @param path of the file; not followed when it is a symlink
 * @param timeoutMs after it the writers are looked up and told. 0 looks once.
 * @throws SyscallError when the path does not lead to anything; the signal's reason when that aborts
 */
export async function settle(path: Bytes, timeoutMs: number, signal?: AbortSignal): Promise<Settled> {
  const end = performance.now() + timeoutMs;
  for (let round = 0; ; round++) {
    signal?.throwIfAborted();
    const verdict = look(path);
    const left = end - performance.now();
    if (verdict.state !== 'busy') return verdict;
    if (left <= 0) return verdict.by === 'lease' ? { ...verdict, writers: lookUp(path).writers } : verdict;
    await pause(Math.min(left, pauseMs(verdict.by, round)), signal);
  }
}

function look(path: Bytes): Settled {
  const writers = writersOf(path);
  if (writers === 'none') return { state: 'settled', by: 'lease' };
  if (writers === 'some') return { state: 'busy', by: 'lease', writers: [] };
  const seen = lookUp(path);
  if (seen.writers.length > 0) return { state: 'busy', by: 'proc', writers: seen.writers };
  return seen.complete ? { state: 'settled', by: 'proc' } : { state: 'unknown', lease: writers.unknown };
}

/** `complete`: no other process can have it. */
function lookUp(path: Bytes): { readonly writers: readonly Holder[]; readonly complete: boolean } {
  const { dev, ino } = statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO);
  try {
    const { holders, unread, hidden } = writeHoldersOf({ dev, ino });
    return { writers: holders, complete: unread === 0 && !hidden };
  } catch (error) {
    if (error instanceof ProcUnavailableError) return { writers: [], complete: false };
    throw error;
  }
}

function pauseMs(by: SettledBy, round: number): number {
  const [first, longest] = PAUSE_MS[by];
  return Math.min(first * 2 ** Math.min(round, 16), longest);
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
