import type { FileHandle, FsPort } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Removal } from '../plan/model.ts';
import type { Name } from '../strategy/strategy.ts';
import type { Workplace } from '../threads/tasks.ts';
import { disarmPinned, goesNow } from './remove-tree.ts';
import { openBelow, statName } from './transaction.ts';

/** A name of the root that goes. */
export interface TakeAway extends Pick<Removal, 'name' | 'old' | 'undo'> {
  /** Of the root. */
  readonly directory: Bytes;
  /** What is kept of it, there too. */
  readonly as: Bytes;
}

/**
 * Takes the name away, if it is still that of the entry that was planned. What is gone is fine, and so is a directory that is not where
 * the plan saw it. @returns false where somebody has put something else there, which stays
 */
export function takeAway(task: TakeAway, at: Pick<Workplace, 'root' | 'fs'>): boolean {
  const dir = openBelow(at.root, task.directory);
  const found = dir && statName(at, { dir, name: task.name });
  if (dir === undefined || found === undefined) return true;
  if (found.ino !== task.old.ino) return false;
  if (task.undo === 'move') at.fs.rename(dir, task.name, dir, task.as);
  else unlink({ dir, ...task }, at.fs);
  return true;
}

function unlink({ dir, name, undo, old }: TakeAway & Pick<Name, 'dir'>, fs: FsPort): void {
  const going: FileHandle | undefined = goesNow(undo, old) ? fs.pin(dir, name) : undefined;
  const disarm = (): (() => void) => (going === undefined ? () => {} : disarmPinned(going, old, fs));
  let rearm = (): void => {};
  try {
    // Before the last name goes: killed right after that, nobody would know the inode any more.
    if (undo === 'none') rearm = disarm();
    fs.unlink(dir, name);
    // Of what was copied after it, for a rollback leaves what still has its name as it is.
    if (undo !== 'none') disarm();
  } catch (error) {
    rearm();
    throw error;
  } finally {
    if (going !== undefined) fs.closeFile(going);
  }
}
