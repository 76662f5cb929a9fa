import { ignoring } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import type { OldEntry } from '../plan/model.ts';
import type { Workplace } from '../threads/tasks.ts';
import { isArmed, removeArmed, removeTree } from './remove-tree.ts';
import { openBelow } from './transaction.ts';

/** Something that was kept of an old entry and is needed no more. */
export interface ForgetEntry {
  /** Of the root. */
  readonly directory: Bytes;
  readonly name: Bytes;
  /** Nothing in it is dangerous in the hands of who kept a hard link. */
  readonly isPlain: boolean;
}

/** `left`: part of a directory stays, for instance since something is mounted in it. `unreachable`: its directory is not where the plan saw it. */
export type Forgotten = 'gone' | 'left' | 'unreachable';

export function isPlain(old: Pick<OldEntry, 'type' | 'mode'> | undefined): boolean {
  return old?.type !== 'file' || !isArmed(old);
}

/** Removes it, a directory with all that is in it; what is gone already is fine. */
export function forgetEntry({ directory, name, isPlain }: ForgetEntry, at: Pick<Workplace, 'root' | 'fs'>): Forgotten {
  const dir = openBelow(at.root, directory);
  if (dir === undefined) return 'unreachable';
  try {
    if (isPlain) ignoring(() => at.fs.unlink(dir, name), 'ENOENT');
    else removeArmed({ dir, name }, at.fs);
    return 'gone';
  } catch (error) {
    // One that was kept, or that whoever may write to the directory put under our name: with that no recovery would ever end.
    if (!isErrno(error, 'EISDIR')) throw error;
    return removeTree({ dir, name }, at.fs, { defuse: true }) ? 'gone' : 'left';
  }
}
