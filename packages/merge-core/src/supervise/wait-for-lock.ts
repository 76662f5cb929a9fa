import { setTimeout as sleep } from 'node:timers/promises';
import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { MergeError } from '../errors.ts';
import { lockRoot, type RootLock } from '../lock.ts';
import type { Supervision } from './supervisor.ts';

/** Between two tries: flock(2) has no time limit of its own, and a thread that waits in it could not be stopped. */
const TRY_MS = 100;
const TELL_MS = 1_000;

/**
 * Takes the lock, waiting for who holds it as long as `lockTimeoutMs` (0: not at all).
 *
 * @throws MergeError LOCKED with who holds it, INTERRUPTED, and what lockRoot throws
 */
export async function waitForLock(
  root: DirHandle,
  fs: FsPort,
  how: Pick<Supervision, 'signal' | 'announce' | 'lockTimeoutMs' | 'emit'>,
): Promise<RootLock> {
  const started = performance.now();
  let told = 0;
  for (;;) {
    try {
      return lockRoot(root, fs, how.emit, how.announce);
    } catch (error) {
      const waited = performance.now() - started;
      if (!(error instanceof MergeError) || error.code !== 'LOCKED' || !(waited < how.lockTimeoutMs)) throw error;
      if (waited - told >= TELL_MS) {
        told = waited;
        how.emit({ type: 'waiting', waiting: { what: error.message, ms: Math.round(waited) } });
      }
    }
    if (how.signal?.aborted)
      throw new MergeError('INTERRUPTED', 'stopped while it waited for the other merge', { outcome: 'refused' });
    await sleep(TRY_MS);
  }
}
