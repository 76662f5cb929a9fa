import type { FileHandle } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { splitPath } from '../paths.ts';
import type { Removal } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import type { Name } from '../strategy/strategy.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import { disarmPinned, removeTree } from './remove-tree.ts';
import {
  directoryOf,
  isReachable,
  openTarget,
  removedBeside,
  removedName,
  statName,
  type Transaction,
  targetName,
  targetPath,
  unreachable,
  warnOfLeft,
} from './transaction.ts';

/*
 * The life of a name that goes without another in its place: kept beside while the merge is staged, gone after the
 * commit point, brought back by a rollback, forgotten in the end (J11). Each step reads off the disk what was done (J4) and can be repeated.
 */

/** Before the commit point: a second entry for each old one, but for those that are moved aside when their time comes. */
export function* keepRemoved(t: Transaction, work: SharedWork): Steps<void> {
  for (const [index, removal] of eachRemoval(t)) {
    const { undo: kind, name } = removal;
    if (kind !== 'none' && kind !== 'move') {
      const task = { directory: directoryOf(t, removal).target, name, as: removedName(t, index, removal), kind };
      work.share('keep', task, 0, (kept) => {
        removal.undo = kept ?? 'move';
      });
    }
    yield 'stoppable';
  }
}

/** After the commit point. What somebody put there since is somebody's. */
export function* removeObsolete(t: Transaction): Steps<void> {
  for (const [index, removal] of eachRemoval(t)) {
    const target = targetName(t, removal);
    const found = statName(t, target);
    if (found !== undefined && found.ino !== removal.old.ino)
      warnOfLeft(t, targetPath(t, removal), 'was replaced by somebody meanwhile: it stays');
    else if (found !== undefined) remove(t, target, removedBeside(t, index, removal), removal);
    yield 'finishing';
  }
}

function remove({ fs }: Transaction, target: Name, kept: Name, { undo, old }: Removal): void {
  if (undo === 'move') {
    fs.rename(target.dir, target.name, kept.dir, kept.name);
    return;
  }
  const unkept: FileHandle | undefined =
    undo === 'none' && old.type === 'file' ? fs.pin(target.dir, target.name) : undefined;
  let rearm = (): void => {};
  try {
    // Before the last name goes: killed right after that, nobody would know the inode any more.
    if (unkept !== undefined) rearm = disarmPinned(unkept, old, fs);
    fs.unlink(target.dir, target.name);
  } catch (error) {
    rearm();
    throw error;
  } finally {
    if (unkept !== undefined) fs.closeFile(unkept);
  }
}

/** @throws MergeError UNDO_MISSING when an old entry that is gone was not kept */
export function* checkRemovedKept(t: Transaction): Steps<void> {
  for (const [index, removal] of eachRemoval(t)) {
    const isKept = removal.undo !== 'none' && statName(t, removedBeside(t, index, removal)) !== undefined;
    if (!isKept && statName(t, targetName(t, removal)) === undefined)
      throw new MergeError('UNDO_MISSING', `no undo was kept of ${quoted(targetPath(t, removal))}`);
    yield 'finishing';
  }
}

/** Back to the old tree, from wherever the merge came to: what was kept gets its name back, or goes where the name never went. */
export function* bringBackRemoved(t: Transaction): Steps<void> {
  for (const [index, removal] of [...eachRemoval(t)].reverse()) {
    const kept = removedBeside(t, index, removal);
    const target = targetName(t, removal);
    yield 'finishing';
    const keptStat = statName(t, kept);
    if (keptStat === undefined) continue;
    const found = statName(t, target);
    if (found === undefined) {
      t.fs.rename(kept.dir, kept.name, target.dir, target.name);
      continue;
    }
    if (found.ino !== removal.old.ino)
      warnOfLeft(t, targetPath(t, removal), 'was put there by somebody after the merge: it stays');
    // A link to the entry that stays keeps its bits. Of anything else a user may hold a link.
    removeTree(kept, t.fs, { defuse: found.ino !== keptStat.ino });
  }
}

/** When everything is placed and durable: what was kept goes, and directories in which nothing is left. */
export function* forgetRemoved(t: Transaction): Steps<void> {
  for (const [index, removal] of eachRemoval(t)) {
    const kept = removedBeside(t, index, removal);
    if (removal.undo !== 'none' && !removeTree(kept, t.fs, { defuse: true }))
      warnOfLeft(t, targetPath(t, removal), `: part of it stays as ${quoted(kept.name)}`);
    yield 'finishing';
  }
  for (const { action, target } of [...t.plan.directories].reverse()) {
    if (action !== 'drop') continue;
    const { parent, name } = splitPath(target);
    const dir = openTarget(t, parent);
    if (dir !== undefined) dropDirectory(t, { dir, name }, target);
    yield 'finishing';
  }
}

/** What somebody put something into stays, and so does a mount point, of any namespace. */
function dropDirectory(t: Transaction, { dir, name }: Name, path: Bytes): void {
  try {
    t.fs.rmdir(dir, name);
  } catch (error) {
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY', ...unreachable)) throw error;
    if (error.code === 'EBUSY') warnOfLeft(t, path, 'is in use, as a mount point for instance: it stays');
  }
}

/** All removals whose directory is where the plan saw it, with their numbers. */
function* eachRemoval(t: Transaction): Generator<[number, Removal]> {
  for (const [index, removal] of t.plan.removals.entries()) if (isReachable(t, removal)) yield [index, removal];
}
