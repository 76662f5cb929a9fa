import { isErrno } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import type { Removal } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import { isPlain } from './forget-entry.ts';
import { removeDirectories } from './remove-directories.ts';
import { removeTree } from './remove-tree.ts';
import {
  directoryOf,
  isReachable,
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
  using work = t.sharing('finishing');
  for (const [index, removal] of t.plan.removals.entries()) {
    const { name, old, undo } = removal;
    // Names that were moved with their directory before they go themselves would be left behind by a rollback.
    if (old.type === 'directory') yield* work.finish();
    const task = { directory: directoryOf(t, removal).target, name, as: removedName(t, index, removal), old, undo };
    work.share('takeAway', task, 0, (isDone) => {
      if (!isDone) warnOfLeft(t, targetPath(t, removal), 'was replaced by somebody meanwhile: it stays');
    });
    yield 'finishing';
  }
  yield* work.finish();
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
  for (let index = t.plan.removals.length - 1; index >= 0; index--) {
    const removal = t.plan.removals[index];
    // Asked one by one: the directory of this one may have come back just now.
    if (removal === undefined || !isReachable(t, removal)) continue;
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
  using work = t.sharing('finishing');
  for (const [index, removal] of t.plan.removals.entries()) {
    const name = removedName(t, index, removal);
    const task = { directory: directoryOf(t, removal).target, name, isPlain: isPlain(removal.old) };
    if (removal.undo !== 'none')
      work.share('forget', task, 0, (what) => {
        if (what === 'left') warnOfLeft(t, targetPath(t, removal), `: part of it stays as ${quoted(name)}`);
      });
    yield 'finishing';
  }
  yield* work.finish();
  const dropped = t.plan.directories.flatMap(({ action, target }) => (action === 'drop' ? [target] : []));
  yield* removeDirectories(dropped, 'root', work, (path, why) => {
    if (isErrno(why, 'EBUSY')) warnOfLeft(t, path, 'is in use, as a mount point for instance: it stays');
    // What somebody put something into stays, and so does a mount point, of any namespace.
    else if (!isErrno(why, 'ENOTEMPTY', 'EEXIST', ...unreachable)) throw why;
  });
}

/** All removals whose directory is where the plan saw it, with their numbers. */
function* eachRemoval(t: Transaction): Generator<[number, Removal]> {
  for (const [index, removal] of t.plan.removals.entries()) if (isReachable(t, removal)) yield [index, removal];
}
