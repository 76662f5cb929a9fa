import { fileURLToPath } from 'node:url';
import { Stopped, stopAfter } from '@emplace/fixtures/faults';
import { type FsPort, linuxPort, MergeError, recoverSync } from '@emplace/merge-core';
import { closeOpenedSince, openDescriptors } from './descriptors.ts';

/**
 * Ends what `act` does at call number `n`: that call and all later ones are not made, and what was open is closed, which is all
 * that a file system sees of SIGKILL. Thousands of processes would take too long; some hundred are killed in earnest beside it.
 * @returns whether it came so far
 */
export function killAt(n: number, act: (fs: FsPort) => unknown): boolean {
  const before = openDescriptors();
  try {
    act(stopAfter(linuxPort(), n));
    return false;
  } catch (error) {
    if (!wasStopped(error)) throw error;
    return true;
  } finally {
    closeOpenedSince(before);
  }
}

/** The stop reaches us bare, or wrapped by what was tried after it. */
function wasStopped(error: unknown): boolean {
  if (error instanceof Stopped) return true;
  if (error instanceof SuppressedError) return wasStopped(error.error) || wasStopped(error.suppressed);
  return error instanceof MergeError && wasStopped(error.cause);
}

/** Recovers, by way of a rollback where that is asked for and not too late. */
export function recoverEither(root: string, rollback: boolean, fs: FsPort = linuxPort()): void {
  try {
    recoverSync({ root, rollback, fs });
  } catch (error) {
    if (!rollback || !(error instanceof MergeError) || error.code !== 'ROLLBACK_TOO_LATE') throw error;
    recoverSync({ root, fs });
  }
}

/** Recovers again and again, each time killed some calls later, until one gets through. @returns how many were killed */
export function recoverKilled(root: string, rollback: boolean, first: number, step: number): number {
  for (let killed = 0; ; killed++) {
    if (!killAt(first + killed * step, (fs) => recoverEither(root, rollback, fs))) return killed;
  }
}

const child = fileURLToPath(new URL('./killed-operation.ts', import.meta.url));

/** Program and arguments of a process that does one operation and is killed at call number `n`; with 0 it lives. */
export function killedOperation(what: string, place: string, n: number): string[] {
  const flags = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning'];
  return [process.execPath, ...flags, child, what, place, String(n)];
}
