import { ignoring, type Stat } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { splitPath } from '../paths.ts';
import type { Placement } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import type { Name } from '../strategy/strategy.ts';
import { exchange } from './exchange.ts';
import { giveAttributes, restoreDirectoryTimes, setTimeIfThere, syncBeyondJournal, syncTouched } from './finish.ts';
import { isStillMounted, writeInPlace } from './in-place.ts';
import { removeBenches, restoreImageTimes } from './measure-sites.ts';
import { bringBackRemoved, checkRemovedKept } from './removals.ts';
import { disarmPinned, removeTree } from './remove-tree.ts';
import {
  eachPlacement,
  isReachable,
  statName,
  type Transaction,
  targetPath,
  unreachable,
  warnOfLeft,
} from './transaction.ts';
import { locate, type Whereabouts } from './whereabouts.ts';

/** Before the commit point: everything that was staged goes back to the image or away, and the new directories go (G1). */
export function* rollBackStaging(t: Transaction): Steps<void> {
  removeBenches(t);
  yield* bringBackRemoved(t);
  for (const [index, placement] of reachableBackwards(t)) {
    putAway(t, placement, locate(t, index, placement));
    yield 'finishing';
  }
  removeMadeDirectories(t);
  restoreDirectoryTimes(t);
  restoreImageTimes(t);
  syncBeyondJournal(t);
  t.journal.remove();
}

/**
 * After the commit point: each placed entry gives way to the old one that was kept, in reverse order (G3). Every
 * step can be repeated, so a rollback that is killed is rolled back further.
 *
 * @throws MergeError UNDO_MISSING before anything is changed, when an old entry was not kept.
 */
export function* rollBackCommit(t: Transaction): Steps<void> {
  yield* checkUndo(t);
  t.journal.append({ type: 'rollback' });
  yield* resumeRollBack(t);
}

/** (J6) The rest of a rollback that was decided: what was checked then is not asked again of a tree half restored. */
export function* resumeRollBack(t: Transaction): Steps<void> {
  yield* bringBackRemoved(t);
  for (const [index, placement] of reachableBackwards(t)) {
    restore(t, index, placement);
    yield 'finishing';
  }
  for (const { directory, name, mtime, oldMtime } of t.plan.identical) {
    if (mtime.sec === oldMtime.sec && mtime.nsec === oldMtime.nsec) continue;
    setTimeIfThere(t, { directory, name }, mtime, oldMtime);
  }
  for (const { action, target, old, attributes } of t.plan.directories) {
    if (action === 'adopt' && old !== undefined && attributes !== undefined) giveAttributes(t, target, attributes, old);
  }
  removeMadeDirectories(t);
  restoreDirectoryTimes(t);
  syncTouched(t, false);
  t.journal.remove();
}

/** Whether every entry that was replaced can be brought back. */
function* checkUndo(t: Transaction): Steps<void> {
  for (const [index, placement] of eachPlacement(t)) {
    if (placement.old === undefined || !isReachable(t, placement)) continue;
    const { fresh, old } = locate(t, index, placement);
    if (old === 'none' && (fresh === 'placed' || fresh === 'under-undo' || fresh === 'lost')) {
      throw new MergeError('UNDO_MISSING', `no undo was kept of ${quoted(targetPath(t, placement))}`);
    }
    yield 'finishing';
  }
  yield* checkRemovedKept(t);
}

function restore(t: Transaction, index: number, placement: Placement): void {
  const { fs } = t;
  const where = locate(t, index, placement);
  const { target, staged, undo } = where.names;
  if (placement.action === 'overwrite') {
    if (where.old === 'under-undo' && !isStillMounted(t, placement)) {
      // Its content may be half of each; a person has both halves' whole.
      warnOfLeft(t, targetPath(t, placement), `is not mounted now: what it held stays as ${quoted(undo.name)}`);
      removeTree(staged, t.fs);
      return;
    }
    if (where.old === 'under-undo') writeInPlace(t, undo, placement);
  } else if (where.fresh === 'placed') {
    if (where.old === 'under-staged') exchange(t, staged, target, placement.old?.ino);
    else if (where.old === 'under-undo') bringBack(t, placement, where);
    else if (placement.old === undefined) giveBack(t, placement, target, where);
  } else if (where.fresh === 'lost' && where.old === 'under-undo') {
    fs.rename(undo.dir, undo.name, target.dir, target.name);
  } else if (where.fresh === 'lost' && where.old === 'under-staged') {
    fs.rename(staged.dir, staged.name, target.dir, target.name);
  } else if (where.fresh === 'foreign' && where.old !== 'in-place' && placement.undo !== 'none') {
    // Somebody's later entry is worth more than ours, old or new.
    if (where.old !== 'none')
      warnOfLeft(t, targetPath(t, placement), 'was replaced by somebody after the merge: it stays');
  }
  putAway(t, placement, where);
}

/** The old entry over the new one. The new one goes back to the image by way of the undo name where it came out of it. */
function bringBack(t: Transaction, placement: Placement, where: Whereabouts): void {
  const { undo, target } = where.names;
  const swapped =
    leftImage(t, placement, where) &&
    ignoring(() => exchange(t, undo, target, placement.old?.ino), 'EINVAL', 'ENOSYS', 'EOPNOTSUPP');
  if (swapped) giveBack(t, placement, undo, where);
  else renameOver(t, placement, undo, target);
}

/** Where the new entry goes with its last name, a user may hold a hard link to it. */
function renameOver(t: Transaction, placement: Placement, undo: Name, target: Name): void {
  const stat = statName(t, target);
  const isGoing = stat?.type === 'file' && isAlone(placement, stat);
  const going = isGoing ? t.fs.pin(target.dir, target.name) : undefined;
  try {
    t.fs.rename(undo.dir, undo.name, target.dir, target.name);
    if (stat !== undefined && going !== undefined) disarmPinned(going, stat, t.fs);
  } finally {
    if (going !== undefined) t.fs.closeFile(going);
  }
}

/** Whatever is left under the placement's own names. */
function putAway(t: Transaction, placement: Placement, where: Whereabouts): void {
  const { staged, undo } = where.names;
  giveBack(t, placement, staged, where);
  const kept = statName(t, undo);
  if (kept === undefined) return;
  if (where.fresh === 'under-undo' && kept.ino === placement.placedIno) giveBack(t, placement, undo, where);
  // A link to the entry that stays keeps its bits. Of a copy a user may hold a link.
  else removeTree(undo, t.fs, { defuse: statName(t, where.names.target)?.ino !== kept.ino });
}

/** A new entry: back to its name in the image when it is missing there, else it was a second one and goes. */
function giveBack(t: Transaction, placement: Placement, from: Name, where: Whereabouts): void {
  const { image } = where.names;
  const stat = statName(t, from);
  if (stat === undefined) return;
  if (image !== undefined && leftImage(t, placement, where)) t.fs.rename(from.dir, from.name, image.dir, image.name);
  else removeTree(from, t.fs, { defuse: isAlone(placement, stat) });
}

/**
 * Whether the new entry goes with its last name of ours, rather than being a hard link to one of the image. The rung is the planned one:
 * another may have been used, and what those of others do nobody knows here. The inode tells, but of what a directory holds.
 */
function isAlone({ staging, rung, type, ino }: Placement, found: Stat): boolean {
  if (staging !== 'made' || rung === 'copy' || rung === 'reflink') return true;
  return type !== 'directory' && found.ino !== ino;
}

/** Whether the new entry came out of the image and is missing there: an image that somebody cleaned gets no copies back. */
function leftImage(t: Transaction, { staging }: Placement, { names: { image } }: Whereabouts): boolean {
  return staging !== 'made' && image !== undefined && t.fs.stat(image.dir, image.name) === undefined;
}

/** Backwards, all placements whose directory is there: one that the merge was to make may not be made yet, or be removed again. */
function* reachableBackwards(t: Transaction): Generator<[number, Placement]> {
  for (let index = t.plan.placements.length - 1; index >= 0; index--) {
    const placement = t.plan.placements.at(index);
    if (isReachable(t, placement)) yield [index, placement];
  }
}

function removeMadeDirectories(t: Transaction): void {
  for (const { action, target } of [...t.plan.directories].reverse()) {
    if (action !== 'make') continue;
    const { parent, name } = splitPath(target);
    let removed: boolean;
    try {
      removed = ignoring(() => t.fs.rmdir(t.root.at(parent), name), 'ENOTEMPTY', 'EEXIST');
    } catch (error) {
      // Never made, or its parent was not, or somebody put something else there.
      if (!isErrno(error, ...unreachable)) throw error;
      continue;
    }
    if (!removed) warnOfLeft(t, target, 'stays: somebody put something there');
  }
}
