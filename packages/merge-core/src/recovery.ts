import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { checkTree } from './answering.ts';
import { explain, MergeError } from './errors.ts';
import { collectWarnings, type Warning } from './events.ts';
import { type HeldLock, lockRoot } from './lock.ts';
import type { RecoverOrder } from './options.ts';
import type { RecoverReport } from './report.ts';
import { findState } from './state.ts';
import type { Steps } from './steps.ts';
import { type RecoverRequest, type Recovery, recoverRoot } from './transaction/recover.ts';
import { openRootAlone } from './trees.ts';

/** Of a root in which no merge left anything. */
export const NOTHING: Recovery = { transaction: undefined, tree: 'none' };

/** A whole recovery. */
export function* recoverSteps(request: RecoverOrder): Steps<RecoverReport> {
  const { fs } = request;
  const { warnings, emit } = collectWarnings(request.emit);
  checkTree(request.root, fs);
  using tree = openRootAlone(request.root, fs);
  if (!isBegun(tree.root, fs)) return recoverReport(NOTHING, warnings);
  using lock = lockRoot(tree.root, fs, { emit });
  return recoverReport(yield* recoverLocked({ ...request, emit }, tree.root, lock), warnings);
}

/** Whether a merge is at work in a root, or left something there. Nothing is written to find that out. */
export function isBegun(root: DirHandle, fs: FsPort): boolean {
  const state = findState(root, fs);
  if (state !== undefined) fs.closeDir(state);
  return state !== undefined;
}

/** Finishes what was left in a root that is locked. */
export function* recoverLocked(request: RecoverOrder, root: DirHandle, lock: HeldLock): Steps<Recovery> {
  const recovery = yield* recovered(root, lock.state, request, request.fs);
  if (recovery.tree !== 'none') lock.rootTime = recovery.rootTime;
  return recovery;
}

export function recoverReport({ transaction, tree }: Recovery, warnings: readonly Warning[]): RecoverReport {
  if (transaction === undefined) return nothingToRecover(warnings);
  return { outcome: tree === 'new' ? 'recovered' : 'rolled-back', transaction, warnings };
}

function nothingToRecover(warnings: readonly Warning[]): RecoverReport {
  return { outcome: 'nothing-to-recover', warnings };
}

/** What an earlier merge left is finished. A failure leaves it as it is: unfinished. */
export function* recovered(root: DirHandle, state: DirHandle, request: RecoverRequest, fs: FsPort): Steps<Recovery> {
  try {
    return yield* recoverRoot(root, state, request, fs);
  } catch (error) {
    const explained = explain(error, 'INCOMPLETE', 'the recovery was stopped by an error and can be run again');
    if (explained instanceof MergeError && explained.code === 'INCOMPLETE') explained.outcome = 'incomplete';
    throw explained;
  }
}
