import { setTimeout as sleep } from 'node:timers/promises';
import { MergeError } from './errors.ts';
import type { Emit } from './events.ts';

/** Between two tries: flock(2) has no time limit of its own, and a thread that waits in it could not be stopped. */
const TRY_MS = 100;
const TELL_MS = 1_000;

/** How a lock is waited for that another merge holds. */
export interface LockPolicy {
  readonly signal: AbortSignal | undefined;
  /** 0: not at all. */
  readonly lockTimeoutMs: number;
  readonly emit: Emit;
}

/**
 * Who is told of each try that failed, and returns when it is time for the next.
 *
 * @throws MergeError LOCKED, as it was told, when the time is over; INTERRUPTED
 */
export function patienceOf({ signal, lockTimeoutMs, emit }: LockPolicy): (locked: Error) => Promise<void> {
  let started: number | undefined;
  let told = 0;
  return async (locked) => {
    const now = performance.now();
    started ??= now;
    const waited = now - started;
    if (!(waited < lockTimeoutMs)) throw locked;
    if (waited - told >= TELL_MS) {
      told = waited;
      emit({ type: 'waiting', waiting: { what: locked.message, ms: Math.round(waited) } });
    }
    if (signal?.aborted)
      throw new MergeError('INTERRUPTED', 'stopped while it waited for the other merge', { outcome: 'refused' });
    await sleep(TRY_MS);
  };
}
