import { ignoring } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { quoted } from '../errors.ts';
import { HERE, join, splitPath } from '../paths.ts';
import { type Excluded, excluder } from '../plan/exclude.ts';
import type { Placement } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import type { Name } from '../strategy/strategy.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import { finishDirectoryTimes, syncBeyondJournal } from './finish.ts';
import { forgetRemoved } from './removals.ts';
import { removeTree } from './remove-tree.ts';
import {
  directoryOf,
  eachPlacement,
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
  if (!t.plan.keepImage) yield* removeImage(t);
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
  const isPlain = old === undefined || old.type !== 'file' || (old.mode & 0o6111) === 0;
  work.share('forget', { directory: directoryOf(t, placement).target, name, isPlain }, 0, (isThere) => {
    if (!isThere) warnOfUndo(t, placement);
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
  if (t.image === undefined) return;
  const excluded = excluder(t.plan);
  let failed: string | undefined;
  const trying = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      // The root is done. An image that cannot be removed (read-only, cleaned by somebody else) is no reason to undo that.
      if (!isErrno(error)) throw error;
      if (!unreachable.includes(error.code)) failed ??= error.message;
    }
  };
  for (const entry of leftInImage(t)) {
    trying(() => removeFromImage(t, entry, excluded));
    yield 'finishing';
  }
  for (const { image } of [...t.plan.directories].reverse()) {
    if (image !== HERE && image !== undefined) trying(() => removeImageDirectory(t, image));
    yield 'finishing';
  }
  if (failed !== undefined) warn(t, `the image could not be removed: ${failed}`);
}

function removeFromImage(t: Transaction, entry: ReturnType<typeof leftInImage>[number], excluded: Excluded): void {
  const name = imageName(t, entry);
  const stat = name && t.fs.stat(name.dir, name.name);
  if (name === undefined || stat === undefined || stat.ino !== entry.ino) return;
  const path = join(directoryOf(t, entry).image ?? HERE, entry.name);
  removeTree(name, t.fs, { keep: (below, { type }) => type === 'socket' || excluded(join(path, below)) });
}

function removeImageDirectory(t: Transaction, image: Bytes): void {
  const { parent, name } = splitPath(image);
  const dir = t.image?.at(parent);
  if (dir !== undefined) ignoring(() => t.fs.rmdir(dir, name), 'ENOTEMPTY', 'EEXIST', 'EBUSY');
}

function leftInImage(t: Transaction) {
  return [...t.plan.placements.filter((placement) => placement.staging !== 'in-image'), ...t.plan.identical];
}

function warn(t: Transaction, message: string): void {
  t.emit({ type: 'warning', warning: { code: 'LEFT_BEHIND', message } });
}
