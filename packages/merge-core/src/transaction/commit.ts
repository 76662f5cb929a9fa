import type { FileHandle, FsPort } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import type { Placement } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import type { Name } from '../strategy/strategy.ts';
import { exchange } from './exchange.ts';
import { finishAttributes, syncTouched } from './finish.ts';
import { writeInPlace } from './in-place.ts';
import type { StagedFact } from './records.ts';
import { moving } from './refused-there.ts';
import { removeObsolete } from './removals.ts';
import { disarmPinned, goesNow } from './remove-tree.ts';
import { eachPlacement, imageName, stagedBeside, type Transaction, targetName } from './transaction.ts';

/**
 * (J3) Makes all that was staged durable, then says so in the journal: from here on the merge is completed.
 * For entries that still lie in the image its file system is synced too: without it a power cut empties what was just built (G4).
 */
export function* commitPoint(t: Transaction): Steps<void> {
  syncTouched(t, true);
  // The last moment to stop: a sync of all that is unwritten may have taken minutes.
  yield 'stoppable';
  t.journal.append({ type: 'commit', staged: stagedFacts(t), kept: t.plan.removals.map(({ undo }) => undo) });
}

/** What the plan in the journal does not say already. */
function* stagedFacts(t: Transaction): Generator<StagedFact> {
  for (const [index, { isRevised, placedIno, staging, undo }] of eachPlacement(t))
    if (isRevised) yield { index, ino: placedIno, staging, undo };
}

/** (J5) Makes all placements durable before the first undo goes. */
export function placedPoint(t: Transaction): void {
  syncTouched(t, false);
  t.journal.append({ type: 'placed' });
}

/** Puts every placement in place, in the plan's order, then sets what only counts once all names are there. */
export function* commit(t: Transaction): Steps<void> {
  yield 'finishing';
  for (const [index, placement] of eachPlacement(t)) {
    place(t, index, placement);
    yield 'finishing';
  }
  yield* removeObsolete(t);
  yield* finishAttributes(t);
}

/** One rename, or one exchange that keeps the old entry under the staged name. */
export function place(t: Transaction, index: number, placement: Placement): void {
  const { fs } = t;
  if (placement.action === 'overwrite') {
    writeInPlace(t, stagedBeside(t, index, placement), placement);
    return;
  }
  const target = targetName(t, placement);
  if (placement.undo === 'exchange') {
    const staged = stagedBeside(t, index, placement);
    // Undo always lies beside the target: in the image it would go with whoever cleans the build directory.
    if (placement.staging === 'in-image') {
      const source = inImage(t, placement);
      moving(placement, () => fs.rename(source.dir, source.name, staged.dir, staged.name));
    }
    exchange(t, staged, target, placement.placedIno);
    return;
  }
  const { old } = placement;
  const going = old !== undefined && goesNow(placement.undo, old) ? tryPin(target, fs) : undefined;
  const disarm = (): (() => void) => (going === undefined ? () => {} : disarmPinned(going, old, fs));
  let rearm = (): void => {};
  try {
    // Before the rename: killed right after it, nobody would know the inode any more, and a hard link that a user kept stays setuid.
    if (placement.undo === 'none') rearm = disarm();
    const source = placement.staging === 'in-image' ? inImage(t, placement) : stagedBeside(t, index, placement);
    moving(placement, () => {
      if (placement.old === undefined) renameToNew(source, target, fs);
      else fs.rename(source.dir, source.name, target.dir, target.name);
    });
    // After it, for a rollback leaves what is still in place as it is. Its copy comes back with all that it had.
    if (placement.undo !== 'none') disarm();
  } catch (error) {
    rearm();
    throw error;
  } finally {
    if (going !== undefined) fs.closeFile(going);
  }
}

/** What appeared under the name since it was planned is somebody's, and no undo was kept of it: EEXIST. */
function renameToNew(source: Name, target: Name, fs: FsPort): void {
  try {
    fs.renameNew(source.dir, source.name, target.dir, target.name);
  } catch (error) {
    if (!isErrno(error, 'EINVAL', 'ENOSYS', 'EOPNOTSUPP')) throw error;
    fs.rename(source.dir, source.name, target.dir, target.name);
  }
}

function tryPin({ dir, name }: Name, fs: FsPort): FileHandle | undefined {
  try {
    return fs.pin(dir, name);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function inImage(t: Transaction, placement: Placement): Name {
  const source = imageName(t, placement);
  if (source === undefined) throw new Error('bug: the image is gone and was not missed');
  return source;
}
