import { ignoring } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import type { Workplace } from '../threads/tasks.ts';
import { removeArmed, removeTree } from './remove-tree.ts';
import { openBelow } from './transaction.ts';

/** Something that was kept of an old entry, no directory, and is needed no more. */
export interface ForgetEntry {
  /** Of the root. */
  readonly directory: Bytes;
  readonly name: Bytes;
  /** Nothing in it is dangerous in the hands of who kept a hard link. */
  readonly isPlain: boolean;
}

/** Removes it; what is gone already is fine. @returns false where its directory is not where the plan saw it, or part of what others put under its name stays */
export function forgetEntry({ directory, name, isPlain }: ForgetEntry, at: Pick<Workplace, 'root' | 'fs'>): boolean {
  const dir = openBelow(at.root, directory);
  if (dir === undefined) return false;
  try {
    if (isPlain) ignoring(() => at.fs.unlink(dir, name), 'ENOENT');
    else removeArmed({ dir, name }, at.fs);
    return true;
  } catch (error) {
    // Whoever may write to the directory put one under our name: with that no recovery would ever end.
    if (!isErrno(error, 'EISDIR')) throw error;
    return removeTree({ dir, name }, at.fs, { defuse: true });
  }
}
