import { type FileHandle, ignoring } from '@emplace/fsprobe';
import { MergeError, quoted } from '../errors.ts';
import { splitPath } from '../paths.ts';
import type { Removal } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import type { Name } from '../strategy/strategy.ts';
import { keepBeside } from './keep-beside.ts';
import { disarmPinned, removeTree } from './remove-tree.ts';
import {
  isReachable,
  openTarget,
  removedBeside,
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
export function* keepRemoved(t: Transaction): Steps<void> {
  for (const [index, removal] of eachRemoval(t)) {
    const { undo } = removal;
    if (undo !== 'none' && undo !== 'move')
      removal.undo = keepBeside(t, removal, targetName(t, removal), removedBeside(t, index, removal), undo) ?? 'move';
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
  try {
    fs.unlink(target.dir, target.name);
    if (unkept !== undefined) disarmPinned(unkept, old.mode, fs);
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
    if (statName(t, kept) === undefined) continue;
    const found = statName(t, target);
    if (found === undefined) {
      t.fs.rename(kept.dir, kept.name, target.dir, target.name);
      continue;
    }
    if (found.ino !== removal.old.ino)
      warnOfLeft(t, targetPath(t, removal), 'was put there by somebody after the merge: it stays');
    // As it is: it may be a link to the entry that stays.
    removeTree(kept, t.fs);
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
    if (dir !== undefined) ignoring(() => t.fs.rmdir(dir, name), 'ENOTEMPTY', 'EEXIST', 'EBUSY', ...unreachable);
    yield 'finishing';
  }
}

/** All removals whose directory is where the plan saw it, with their numbers. */
function* eachRemoval(t: Transaction): Generator<[number, Removal]> {
  for (const [index, removal] of t.plan.removals.entries()) if (isReachable(t, removal)) yield [index, removal];
}
