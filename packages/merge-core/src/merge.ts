import { type Announce, loadAnnounce } from './announce.ts';
import { explain, MergeError, refuse } from './errors.ts';
import type { Warning } from './events.ts';
import { linuxPort } from './fs/linux.ts';
import type { DirHandle, FsPort } from './fs/port.ts';
import { lockRoot, type RootLock } from './lock.ts';
import { OpenDirectories } from './open-directories.ts';
import {
  absolute,
  isDurable,
  type MergeOptions,
  type MergeRequest,
  mergeRequest,
  type RecoverOptions,
} from './options.ts';
import { planMerge } from './plan/image.ts';
import type { Plan } from './plan/model.ts';
import { tracked } from './progress.ts';
import { type MergeReport, plannedRungs, type RecoverReport } from './report.ts';
import { findState } from './state.ts';
import { runAsync, runSync, type Steps } from './steps.ts';
import { cleanUp } from './transaction/clean-up.ts';
import { commit, commitPoint, placedPoint } from './transaction/commit.ts';
import { Journal, readJournal } from './transaction/journal.ts';
import { type RecoverRequest, type Recovery, recoverRoot } from './transaction/recover.ts';
import { rollBackCommit, rollBackStaging } from './transaction/rollback.ts';
import { stage } from './transaction/stage.ts';
import type { Transaction } from './transaction/transaction.ts';
import { checkOverlap, openImage, openRoot } from './trees.ts';

/**
 * Puts an image tree onto a root: all of it, or nothing of it.
 *
 * @throws MergeError; its `outcome` says what the root holds, its `code` why.
 */
export async function merge(options: MergeOptions): Promise<MergeReport> {
  const stop = (): MergeError =>
    new MergeError('INTERRUPTED', 'the merge was stopped before its commit point', { outcome: 'rolled-back' });
  return runAsync(mergeSteps(mergeRequest(options), await loadAnnounce()), options.signal, stop);
}

/** {@link merge} without a pause: for callers that isolate it themselves. `signal` has no effect. */
export function mergeSync(options: MergeOptions): MergeReport {
  return runSync(mergeSteps(mergeRequest(options)));
}

/** Finishes what a stopped merge left. @throws MergeError */
export async function recover(options: RecoverOptions): Promise<RecoverReport> {
  return runAsync(
    recoverSteps(options, await loadAnnounce()),
    undefined,
    () => new Error('bug: recovery is not stopped'),
  );
}

/** {@link recover} without a pause. */
export function recoverSync(options: RecoverOptions): RecoverReport {
  return runSync(recoverSteps(options));
}

/** The story: lock → recover → plan → preflight → stage → COMMIT POINT → commit → clean up. */
function* mergeSteps(request: MergeRequest, announce?: Announce): Steps<MergeReport> {
  const { fs } = request;
  using image = opened(openImage(request.image, fs), fs);
  using root = opened(openRoot(request.root, fs), fs);
  checkOverlap(request.image, request.root, fs);
  if (request.dryRun) return yield* preview(request, image.dir, root.dir);

  const { warnings, emit } = collectWarnings(request.emit);
  using lock = lockRoot(root.dir, fs, emit, announce);
  const recovery = yield* recovered(root.dir, lock.state, { rollback: false, durable: request.durable, emit }, fs);
  if (recovery.tree !== 'none') lock.rootTime = recovery.rootTime;
  const asked: MergeRequest = { ...request, emit, ...(lock.rootTime && { rootTime: lock.rootTime }) };
  const plan = yield* planned(image.dir, root.dir, asked);
  const strategies = yield* carryOut(plan, asked, image.dir, root.dir, lock);
  return {
    outcome: 'merged',
    transaction: plan.transaction,
    counts: plan.counts,
    strategies,
    bytes: plan.bytes,
    warnings: [...plan.warnings, ...warnings],
    ...recoveredFirst(recovery),
  };
}

/** A plan that can be carried out; else the merge is refused with all that speaks against it. */
function* planned(image: DirHandle, root: DirHandle, request: MergeRequest): Steps<Plan> {
  let plan: Plan;
  try {
    plan = yield* tracked('plan', undefined, request.emit, planMerge(image, root, request, request.fs));
  } catch (error) {
    throw explain(error, 'IMAGE_UNREADABLE', 'the trees cannot be read');
  }
  if (plan.problems.length > 0) throw refuse(plan.problems);
  return plan;
}

/** A plan and nothing else: not even the lock is written. */
function* preview(request: MergeRequest, image: DirHandle, root: DirHandle): Steps<MergeReport> {
  const plan = yield* planned(image, root, request);
  const { transaction, counts, bytes } = plan;
  const warnings = [...plan.warnings, ...unfinished(root, request.fs)];
  return { outcome: 'planned', transaction, counts, strategies: plannedRungs(plan), bytes, warnings, plan };
}

/** Everything that touches the root. Whatever fails before the end leads back to the old tree, or says that it did not. */
function* carryOut(
  plan: Plan,
  request: MergeRequest,
  image: DirHandle,
  root: DirHandle,
  lock: RootLock,
): Steps<Record<string, number>> {
  const { fs, durable, emit } = request;
  using imageDirectories = new OpenDirectories(fs, image);
  using rootDirectories = new OpenDirectories(fs, root);
  using journal = Journal.begin(plan, lock.state, root, durable, fs);
  const t: Transaction = { fs, plan, image: imageDirectories, root: rootDirectories, journal, durable, emit };
  const total = plan.placements.length;
  let rungs: Map<string, number>;
  try {
    rungs = yield* tracked('stage', total, emit, stage(t, request));
    commitPoint(t);
  } catch (error) {
    throw yield* rolledBack(explain(error, 'STAGE_FAILED', 'the merge could not be prepared'), t, rollBackStaging);
  }
  try {
    yield* tracked('commit', total, emit, commit(t));
    placedPoint(t);
  } catch (error) {
    throw yield* rolledBack(explain(error, 'COMMIT_FAILED', 'the merge could not be committed'), t, rollBackCommit);
  }
  lock.rootTime = undefined;
  try {
    yield* tracked('clean-up', total, emit, cleanUp(t));
  } catch (error) {
    throw incomplete(
      explain(error, 'INCOMPLETE', 'everything is in place, but what the merge needed could not be removed'),
      plan,
    );
  }
  return Object.fromEntries(rungs);
}

/** @returns the error to throw once the old tree is back, or says that it is not. */
function* rolledBack(error: unknown, t: Transaction, rollBack: (t: Transaction) => Steps<void>): Steps<unknown> {
  try {
    yield* tracked('roll-back', t.plan.placements.length, t.emit, rollBack(t));
  } catch (second) {
    const both = `${messageOf(error)}; and it could not be rolled back: ${messageOf(second)}`;
    return incomplete(new MergeError('INCOMPLETE', both, { cause: error }), t.plan);
  }
  if (error instanceof MergeError) {
    error.outcome = 'rolled-back';
    error.transaction = t.plan.transaction;
  }
  return error;
}

function incomplete(error: unknown, plan: Plan): unknown {
  if (error instanceof MergeError) {
    error.outcome = 'incomplete';
    error.transaction = plan.transaction;
  }
  return error;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function* recoverSteps(options: RecoverOptions, announce?: Announce): Steps<RecoverReport> {
  const fs = options.fs ?? linuxPort();
  using root = opened(openRoot(absolute(options.root, 'root'), fs), fs);
  const nothing: RecoverReport = { outcome: 'nothing-to-recover', warnings: [] };
  // No state directory: neither a merge nor what one left. Nothing is written to find that out.
  const state = findState(root.dir, fs);
  if (state === undefined) return nothing;
  fs.closeDir(state);
  const { warnings, emit } = collectWarnings(options.onEvent ?? (() => {}));
  using lock = lockRoot(root.dir, fs, emit, announce);
  const request = { rollback: options.rollback ?? false, durable: isDurable(options), emit };
  const { transaction, tree, rootTime } = yield* recovered(root.dir, lock.state, request, fs);
  if (tree !== 'none') lock.rootTime = rootTime;
  if (transaction === undefined) return nothing;
  return { outcome: tree === 'new' ? 'recovered' : 'rolled-back', transaction, warnings };
}

/** What an earlier merge left is finished. A failure leaves it as it is: unfinished. */
function* recovered(root: DirHandle, state: DirHandle, request: RecoverRequest, fs: FsPort): Steps<Recovery> {
  try {
    return yield* recoverRoot(root, state, request, fs);
  } catch (error) {
    const explained = explain(error, 'INCOMPLETE', 'the recovery was stopped by an error and can be run again');
    if (explained instanceof MergeError && explained.code === 'INCOMPLETE') explained.outcome = 'incomplete';
    throw explained;
  }
}

function recoveredFirst({ transaction, tree }: Recovery): Pick<MergeReport, 'recovered'> {
  return transaction === undefined || tree === 'none' ? {} : { recovered: { transaction, tree } };
}

function unfinished(root: DirHandle, fs: FsPort): Warning[] {
  const state = findState(root, fs);
  if (state === undefined) return [];
  try {
    if (readJournal(state, fs) === undefined) return [];
  } finally {
    fs.closeDir(state);
  }
  return [
    { code: 'UNFINISHED_MERGE', message: 'an unfinished merge will be recovered first: the plan may differ then' },
  ];
}

function opened(dir: DirHandle, fs: FsPort): Disposable & { readonly dir: DirHandle } {
  return { dir, [Symbol.dispose]: () => fs.closeDir(dir) };
}

/** Warnings are both told at once and kept for the report. */
function collectWarnings(emit: MergeRequest['emit']): { warnings: Warning[]; emit: MergeRequest['emit'] } {
  const warnings: Warning[] = [];
  return {
    warnings,
    emit: (event) => {
      if (event.type === 'warning') warnings.push(event.warning);
      emit(event);
    },
  };
}
