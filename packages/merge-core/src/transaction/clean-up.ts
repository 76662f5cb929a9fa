import { ignoring } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { quoted } from '../errors.ts';
import { HERE, join } from '../paths.ts';
import { type Excluded, excluder } from '../plan/exclude.ts';
import type { Identical, Placement } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import type { Name } from '../strategy/strategy.ts';
import { failureFrom } from '../threads/failure.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import { finishDirectoryTimes, syncBeyondJournal } from './finish.ts';
import { isPlain } from './forget-entry.ts';
import { forgetRemoved } from './removals.ts';
import { removeDirectories } from './remove-directories.ts';
import { removeTree } from './remove-tree.ts';
import {
  directoryOf,
  eachPlacement,
  imageDirectoryOf,
  imageName,
  isReachable,
  stagedBeside,
  stagedNameOf,
  type Transaction,
  targetPath,
  undoBeside,
  undoName,
  unreachable,
  warnOfLeft,
} from './transaction.ts';

/** After everything is placed and durable: undo goes, directories get their times, then what is left of the image goes, and the journal. Each step can be repeated. */
export function* cleanUp(t: Transaction): Steps<void> {
  yield* removeUndo(t);
  yield* forgetRemoved(t);
  yield* finishDirectoryTimes(t);
  if (!t.plan.keepImage && t.image !== undefined) yield* removeImage(t);
  syncBeyondJournal(t);
  t.journal.remove();
}

function* removeUndo(t: Transaction): Steps<void> {
  using work = t.sharing('finishing');
  for (const [index, placement] of eachPlacement(t)) {
    if (placement.undo === 'none' && placement.action !== 'overwrite') continue;
    if (isLeaf(placement)) {
      forget(t, index, placement, work);
      yield 'finishing';
      continue;
    }
    if (!isReachable(t, placement)) {
      warnOfUndo(t, placement);
      continue;
    }
    if (placement.action === 'overwrite') {
      for (const beside of [stagedBeside, undoBeside]) removeTree(beside(t, index, placement), t.fs, { defuse: true });
      continue;
    }
    const { dir, name } =
      placement.undo === 'exchange' ? stagedBeside(t, index, placement) : undoBeside(t, index, placement);
    const { old, oldAs } = placement;
    if (old === undefined) continue;
    if (oldAs !== undefined) {
      moveAside(t, placement, { dir, name }, oldAs);
    } else if (old.empty) {
      // It was empty when it was planned: what is in it now is somebody's.
      if (
        !ignoring(() => t.fs.rmdir(dir, name), 'ENOTEMPTY', 'EEXIST', 'ENOENT') &&
        t.fs.stat(dir, name) !== undefined
      ) {
        warnOfLeft(
          t,
          targetPath(t, placement),
          `: somebody filled the directory that it replaced, which stays as ${quoted(name)}`,
        );
      }
    } else if (!removeTree({ dir, name }, t.fs, { defuse: true })) {
      warn(t, `${quoted(targetPath(t, placement))}: part of what it replaced stays as ${quoted(name)}`);
    }
    yield 'finishing';
  }
  yield* work.finish();
}

/** Whether what was kept is one entry, which goes. */
function isLeaf({ undo, action, old, oldAs }: Placement): boolean {
  return (
    undo !== 'none' && action !== 'overwrite' && oldAs === undefined && old !== undefined && old.type !== 'directory'
  );
}

function forget(t: Transaction, index: number, placement: Placement, work: SharedWork): void {
  const { undo, old } = placement;
  const name = undo === 'exchange' ? stagedNameOf(t, index, placement) : undoName(t, index, placement);
  const task = { directory: directoryOf(t, placement).target, name, isPlain: isPlain(old) };
  work.share('forget', task, 0, (what) => {
    if (what === 'unreachable') warnOfUndo(t, placement);
    if (what === 'left') warnOfLeft(t, targetPath(t, placement), `: part of what it replaced stays as ${quoted(name)}`);
  });
}

function warnOfUndo(t: Transaction, placement: Placement): void {
  warnOfLeft(t, targetPath(t, placement), 'was moved by somebody: what was kept of the old entry stays there');
}

/** The old entry gets a name of its own, unless somebody has it by now. */
function moveAside(t: Transaction, placement: Placement, { dir, name }: Name, oldAs: Bytes): void {
  try {
    t.fs.renameNew(dir, name, dir, oldAs);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EEXIST')) throw error;
    if (error.code === 'EEXIST') warnOfLeft(t, targetPath(t, placement), `: what it replaced stays as ${quoted(name)}`);
  }
}

/**
 * What the image still holds of entries that are in the root now. Excluded entries and sockets stay. Only what
 * the plan saw is removed: recovery may find another image under the same name.
 */
function* removeImage(t: Transaction): Steps<void> {
  using work = t.sharing('finishing');
  const excluded = excluder(t.plan);
  let failed: string | undefined;
  // The root is done. An image that cannot be removed (read-only, cleaned by somebody else) is no reason to undo that.
  const stays = (why: unknown): void => {
    if (!isErrno(why)) throw why;
    if (!unreachable.includes(why.code)) failed ??= why.message;
  };
  for (const entry of leftInImage(t)) {
    const directory = imageDirectoryOf(t, entry);
    if (directory === undefined) continue;
    if (entry.type === 'directory') removeFromImage(t, entry, excluded, stays);
    else
      work.share('discard', { directory, name: entry.name, ino: entry.ino }, 0, (why) => {
        if (why !== undefined) stays(failureFrom(why));
      });
    yield 'finishing';
  }
  yield* work.finish();
  const directories = t.plan.directories.flatMap(({ image }) => (image === undefined || image === HERE ? [] : [image]));
  yield* removeDirectories(directories, 'image', work, (_, why) => {
    if (!isErrno(why, 'ENOTEMPTY', 'EEXIST', 'EBUSY')) stays(why);
  });
  if (failed !== undefined) warn(t, `the image could not be removed: ${failed}`);
}

/** A directory with all that is in it. */
function removeFromImage(t: Transaction, entry: Placement, excluded: Excluded, stays: (why: unknown) => void): void {
  try {
    const name = imageName(t, entry);
    const stat = name && t.fs.stat(name.dir, name.name);
    if (name === undefined || stat?.ino !== entry.ino) return;
    const path = join(imageDirectoryOf(t, entry) ?? HERE, entry.name);
    removeTree(name, t.fs, { keep: (below, { type }) => type === 'socket' || excluded(join(path, below)) });
  } catch (error) {
    stays(error);
  }
}

function* leftInImage({ plan }: Transaction): Generator<Placement | (Identical & { readonly type: 'file' })> {
  for (const placement of plan.placements) if (placement.staging !== 'in-image') yield placement;
  for (const entry of plan.identical) yield { ...entry, type: 'file' };
}

function warn(t: Transaction, message: string): void {
  t.emit({ type: 'warning', warning: { code: 'LEFT_BEHIND', message } });
}
