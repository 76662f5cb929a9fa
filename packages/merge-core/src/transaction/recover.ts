import type { DirHandle, FsPort, Timestamp } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import type { Emit } from '../events.ts';
import { lenient } from '../fs/lenient.ts';
import { lastingIdentity } from '../identity.ts';
import { lockAgain } from '../ledger/vdb-locks.ts';
import { OpenDirectories } from '../open-directories.ts';
import type { Placement, PlannedImage } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import { Climber } from '../strategy/climb.ts';
import { contentBuffer } from '../strategy/content.ts';
import type { Choice } from '../strategy/select.ts';
import { SharedWork } from '../threads/shared-work.ts';
import type { Workplace } from '../threads/tasks.ts';
import { cleanUp } from './clean-up.ts';
import { place, placedPoint } from './commit.ts';
import { exchange } from './exchange.ts';
import { finishAttributes } from './finish.ts';
import { Journal, readJournal, removeDraft } from './journal.ts';
import { removeObsolete } from './removals.ts';
import { removeTree } from './remove-tree.ts';
import { replay } from './replay.ts';
import { resumeRollBack, rollBackCommit, rollBackStaging } from './rollback.ts';
import { eachPlacement, isReachable, stagedBeside, type Transaction, targetPath, warnOfLeft } from './transaction.ts';
import { locate } from './whereabouts.ts';

/** What recovery did. */
export interface Recovery {
  readonly transaction: string | undefined;
  /** Which tree the root holds now; `none` when nothing waited to be recovered. */
  readonly tree: 'old' | 'new' | 'none';
  /** With the old tree: the time that the root itself had. */
  readonly rootTime?: Timestamp;
}

/** What a recovery is asked for. */
export interface RecoverRequest {
  readonly rollback: boolean;
  readonly durable: boolean;
  readonly emit: Emit;
}

/** A recovery stages nothing. */
const nothingMade: Choice = { strategy: 'auto', links: false, keepImage: true, registry: [] };

/**
 * Finishes what a stopped merge left in a locked root: before its commit point it is rolled back, after it
 * completed, or rolled back where `rollback` asks for it or what was staged is gone (G3). Can be killed and run again.
 *
 * @throws MergeError JOURNAL_UNREADABLE, UNDO_MISSING, ROLLBACK_TOO_LATE, LOCKED (nothing changed), INCOMPLETE.
 */
export function* recoverRoot(root: DirHandle, state: DirHandle, request: RecoverRequest, fs: FsPort): Steps<Recovery> {
  const found = readJournal(state, fs);
  removeDraft(state, fs);
  if (found === undefined) return { transaction: undefined, tree: 'none' };
  const { phase, plan } = replay(found.records);
  if (phase === 'placed' && request.rollback) {
    throw new MergeError(
      'ROLLBACK_TOO_LATE',
      `merge ${plan.transaction} has placed everything and begun to remove its undo`,
    );
  }
  request.emit({ type: 'phase', phase: 'recover', total: plan.placements.length });
  const imageTop = plan.image && openImage(plan.image, fs);
  try {
    using rootDirectories = new OpenDirectories(fs, root);
    using image = imageTop === undefined ? undefined : new OpenDirectories(fs, imageTop);
    using _locks = lockAgain(plan.locks, rootDirectories, fs);
    using journal = Journal.reopen(found.content, state, request.durable, fs);
    const own = lenient(fs, plan.lossy);
    const at: Workplace = {
      fs: own,
      image,
      root: rootDirectories,
      digests: [],
      buffer: contentBuffer(),
      climber: new Climber(nothingMade, own),
    };
    const t: Transaction = {
      fs: at.fs,
      plan,
      image,
      root: rootDirectories,
      journal,
      durable: request.durable,
      emit: request.emit,
      // Seldom, and what there is to do may be any part of it.
      sharing: (point) => new SharedWork(at, undefined, point),
    };
    const tree = yield* settle(t, phase, request.rollback);
    const rootTime = tree === 'old' ? plan.directories.find(({ target }) => target === '')?.oldMtime : undefined;
    return { transaction: plan.transaction, tree, ...(rootTime && { rootTime }) };
  } finally {
    if (imageTop !== undefined) fs.closeDir(imageTop);
  }
}

function* settle(t: Transaction, phase: ReturnType<typeof replay>['phase'], rollback: boolean): Steps<'old' | 'new'> {
  switch (phase) {
    case 'staging':
      yield* rollBackStaging(t);
      return 'old';
    case 'rolling-back':
      yield* resumeRollBack(t);
      return 'old';
    case 'committed': {
      const placed = new Uint8Array(t.plan.placements.length);
      const lost = yield* findLost(t, placed);
      if (rollback || lost !== undefined) {
        try {
          yield* rollBackCommit(t);
        } catch (error) {
          if (rollback || !(error instanceof MergeError) || error.code !== 'UNDO_MISSING') throw error;
          const dead = `${lost} can be neither completed nor undone: what was staged is gone, and no undo was kept`;
          throw new MergeError('INCOMPLETE', dead, { cause: error, outcome: 'incomplete' });
        }
        return 'old';
      }
      yield* complete(t, placed);
      return 'new';
    }
    case 'placed':
      yield* cleanUp(t);
      return 'new';
    default:
      return phase satisfies never;
  }
}

/**
 * The first placement whose staged entry is gone, for instance because the build directory was cleaned.
 * @param placed gets a 1 for each that is in place: what becomes of it now is not ours to mend
 */
function* findLost(t: Transaction, placed: Uint8Array): Steps<string | undefined> {
  for (const [index, placement] of eachPlacement(t)) {
    const fresh = isReachable(t, placement) ? locate(t, index, placement).fresh : 'lost';
    if (fresh === 'lost') return quoted(targetPath(t, placement));
    if (fresh === 'placed' && placement.action !== 'overwrite') placed[index] = 1;
    yield 'finishing';
  }
  return undefined;
}

function* complete(t: Transaction, placed: Uint8Array): Steps<void> {
  for (const [index, placement] of eachPlacement(t)) {
    if (placed[index] === 1) continue;
    const { fresh, names } = locate(t, index, placement);
    if (fresh === 'staged' && placement.staging === 'in-image') {
      // Killed between the two calls of an exchange that starts in the image.
      exchange(t, names.staged, names.target, placement.placedIno);
    } else if (fresh === 'foreign') {
      warnOfLeft(t, targetPath(t, placement), 'was replaced by somebody after the merge: it stays');
    } else if (fresh !== 'placed' || placement.action === 'overwrite') {
      placeUnlessTaken(t, index, placement);
    }
    yield 'finishing';
  }
  yield* removeObsolete(t);
  yield* finishAttributes(t);
  placedPoint(t);
  yield* cleanUp(t);
}

/** A new name that somebody took since the merge was stopped stays theirs. */
function placeUnlessTaken(t: Transaction, index: number, placement: Placement): void {
  try {
    place(t, index, placement);
  } catch (error) {
    if (placement.old !== undefined || !isErrno(error, 'EEXIST')) throw error;
    warnOfLeft(t, targetPath(t, placement), 'was put there by somebody since the merge was stopped: it stays');
    const { dir, name } = stagedBeside(t, index, placement);
    removeTree({ dir, name }, t.fs);
  }
}

/** The image of the journal, unless another directory has its name by now. */
function openImage({ path, id }: PlannedImage, fs: FsPort): DirHandle | undefined {
  let dir: DirHandle;
  try {
    dir = fs.openRoot(path);
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
  if (lastingIdentity(dir, fs) === id) return dir;
  fs.closeDir(dir);
  return undefined;
}
