import { ignoring } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Workplace } from '../threads/tasks.ts';
import { removeArmed } from './remove-tree.ts';
import { openBelow } from './transaction.ts';

/** Something that was kept of an old entry, no directory, and is needed no more. */
export interface ForgetEntry {
  /** Of the root. */
  readonly directory: Bytes;
  readonly name: Bytes;
  /** Nothing in it is dangerous in the hands of who kept a hard link. */
  readonly isPlain: boolean;
}

/** Removes it; what is gone already is fine. @returns whether its directory is where the plan saw it: else nothing was done */
export function forgetEntry({ directory, name, isPlain }: ForgetEntry, at: Pick<Workplace, 'root' | 'fs'>): boolean {
  const dir = openBelow(at.root, directory);
  if (dir === undefined) return false;
  if (isPlain) ignoring(() => at.fs.unlink(dir, name), 'ENOENT');
  else removeArmed({ dir, name }, at.fs);
  return true;
}
