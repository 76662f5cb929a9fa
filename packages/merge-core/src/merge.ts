import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { checkTree } from './answering.ts';
import { type ErrorCode, explain, MergeError, refuse } from './errors.ts';
import type { Warning } from './events.ts';
import { lenient } from './fs/lenient.ts';
import { type HeldLock, lockRoot } from './lock.ts';
import { OpenDirectories } from './open-directories.ts';
import type { MergeRequest, RecoverOrder } from './options.ts';
import { HERE } from './paths.ts';
import { planMerge } from './plan/image.ts';
import { Knowledge } from './plan/knowledge.ts';
import type { Plan } from './plan/model.ts';
import { tracked } from './progress.ts';
import { type MergeReport, plannedRungs, type RecoverReport, siteReports } from './report.ts';
import { findState } from './state.ts';
import type { HookPhase, Steps } from './steps.ts';
import { changedPaths } from './transaction/changed-paths.ts';
import { cleanUp } from './transaction/clean-up.ts';
import { commit, commitPoint, placedPoint } from './transaction/commit.ts';
import { Journal, readJournal } from './transaction/journal.ts';
import { measureSites } from './transaction/measure-sites.ts';
import { type RecoverRequest, type Recovery, recoverRoot } from './transaction/recover.ts';
import { RefusedThere } from './transaction/refused-there.ts';
import { rollBackCommit, rollBackStaging } from './transaction/rollback.ts';
import { stage } from './transaction/stage.ts';
import type { Transaction } from './transaction/transaction.ts';
import { checkOverlap, openImage, openRoot } from './trees.ts';

/** A whole merge, with what comes before and after the story. */
export function* mergeSteps(request: MergeRequest): Steps<MergeReport> {
  const { fs } = request;
  if (!request.dryRun) for (const tree of [request.root, request.image]) checkTree(tree, fs);
  using trees = openTrees(request);
  if (request.dryRun) return yield* preview(request, trees);
  const { warnings, emit } = collectWarnings(request.emit);
  using lock = lockRoot(trees.root, fs, emit, undefined);
  const report = yield* mergeLocked({ ...request, emit: request.emit }, trees, lock);
  return { ...report, warnings: [...warnings, ...report.warnings] };
}

/** The two trees of a merge, open. */
export interface Trees extends Disposable {
  readonly image: DirHandle;
  readonly root: DirHandle;
}

/** @throws MergeError IMAGE_MISSING, IMAGE_UNREADABLE, ROOT_MISSING, ROOT_UNUSABLE, OVERLAPPING_TREES */
export function openTrees({ image, root, fs }: Pick<MergeRequest, 'image' | 'root' | 'fs'>): Trees {
  using opened = new DisposableStack();
  const open = (dir: DirHandle): DirHandle => opened.adopt(dir, (handle) => fs.closeDir(handle));
  const trees = { image: open(openImage(image, fs)), root: open(openRoot(root, fs)) };
  checkOverlap(image, root, fs);
  const kept = opened.move();
  return { ...trees, [Symbol.dispose]: () => kept.dispose() };
}

/** The story, in a root that is locked: recover → plan → measure → stage → COMMIT POINT → commit → clean up. */
export function* mergeLocked(request: MergeRequest, { image, root }: Trees, lock: HeldLock): Steps<MergeReport> {
  const { fs } = request;
  const { warnings, emit } = collectWarnings(request.emit);
  const recovery = yield* recovered(root, lock.state, { rollback: false, durable: request.durable, emit }, fs);
  if (recovery.tree !== 'none') lock.rootTime = recovery.rootTime;
  const asked: MergeRequest = { ...request, emit, ...(lock.rootTime && { rootTime: lock.rootTime }) };
  const { plan, strategies, sites } = yield* mergeAsMeasured(asked, image, root, lock);
  return {
    outcome: 'merged',
    transaction: plan.transaction,
    counts: plan.counts,
    strategies,
    sites,
    lost: plan.lost,
    bytes: plan.bytes,
    warnings: [...plan.warnings, ...warnings],
    ...recoveredFirst(recovery),
  };
}

/** Plans and carries out; anew while a site turns out to be other than was planned. It ends: each time one strategy less is believed. */
function* mergeAsMeasured(
  request: MergeRequest,
  image: DirHandle,
  root: DirHandle,
  lock: HeldLock,
): Steps<{ plan: Plan; strategies: Record<string, number>; sites: MergeReport['sites'] }> {
  const knowledge = new Knowledge(request.facts);
  for (;;) {
    const plan = yield* planned(image, root, request, knowledge);
    const strategies = yield* carryOut(plan, request, knowledge, image, root, lock);
    if (strategies !== undefined) return { plan, strategies, sites: sitesOf(plan, knowledge, root, request) };
  }
}

/** A plan that can be carried out; else the merge is refused with all that speaks against it. */
function* planned(image: DirHandle, root: DirHandle, request: MergeRequest, knowledge: Knowledge): Steps<Plan> {
  let plan: Plan;
  try {
    plan = yield* tracked('plan', undefined, request.emit, planMerge(image, root, request, knowledge, request.fs));
  } catch (error) {
    throw explain(error, 'IMAGE_UNREADABLE', 'the trees cannot be read');
  }
  if (plan.problems.length > 0) throw refuse(plan.problems);
  return plan;
}

/** All that a report will say but which strategies were used in the end: who watches may have to make it himself. */
function tellPlanned(plan: Plan, sites: MergeReport['sites'], emit: MergeRequest['emit']): void {
  const { transaction, counts, bytes, lost, warnings } = plan;
  emit({
    type: 'planned',
    planned: { transaction, counts, bytes, lost, warnings, sites, strategies: plannedRungs(plan) },
  });
}

function sitesOf(
  plan: Plan,
  knowledge: Knowledge,
  root: DirHandle,
  { fs, mountName }: MergeRequest,
): MergeReport['sites'] {
  return siteReports(plan, knowledge, fs.stat(root, HERE)?.mountId, mountName);
}

/** A plan and nothing else: not even the lock is written. */
export function* preview(request: MergeRequest, { image, root }: Trees): Steps<MergeReport> {
  const knowledge = new Knowledge(request.facts);
  const plan = yield* planned(image, root, request, knowledge);
  const { transaction, counts, bytes } = plan;
  const warnings = [...plan.warnings, ...unfinished(root, request.fs), ...unmeasured(plan, knowledge)];
  const sites = sitesOf(plan, knowledge, root, request);
  return {
    outcome: 'planned',
    transaction,
    counts,
    strategies: plannedRungs(plan),
    sites,
    lost: plan.lost,
    bytes,
    warnings,
    plan,
  };
}

/**
 * Everything that touches the root. Whatever fails before the end leads back to the old tree, or says that it did not.
 *
 * @returns what each strategy brought; undefined when a site is other than was planned, and nothing was changed.
 */
function* carryOut(
  plan: Plan,
  request: MergeRequest,
  knowledge: Knowledge,
  image: DirHandle,
  root: DirHandle,
  lock: HeldLock,
): Steps<Record<string, number> | undefined> {
  const { durable, emit } = request;
  const fs = lenient(request.fs, request.lossy);
  using imageDirectories = new OpenDirectories(fs, image);
  using rootDirectories = new OpenDirectories(fs, root);
  using journal = Journal.begin(plan, lock.state, root, durable, fs);
  const t: Transaction = { fs, plan, image: imageDirectories, root: rootDirectories, journal, durable, emit };
  const total = plan.placements.length;
  let rungs: Map<string, number>;
  try {
    if (!(yield* tracked('preflight', undefined, emit, measureSites({ ...t, fs: request.fs }, knowledge)))) {
      yield* rollBackStaging(t);
      return undefined;
    }
    tellPlanned(plan, sitesOf(plan, knowledge, root, request), emit);
    if (request.hooks.length > 0) request.changing(changedPaths(t));
    yield* hookPoint('pre-stage', request);
    rungs = yield* tracked('stage', total, emit, stage(t, request));
    yield* hookPoint('pre-commit', request);
    yield 'stoppable';
    yield* commitPoint(t);
  } catch (error) {
    const failed = yield* rolledBack(
      told(error, 'STAGE_FAILED', 'the merge could not be prepared'),
      t,
      rollBackStaging,
    );
    if (isBackAndWiser(error, failed, t, knowledge)) return undefined;
    throw failed;
  }
  try {
    yield* tracked('commit', total, emit, commit(t));
    placedPoint(t);
  } catch (error) {
    const failed = yield* rolledBack(
      told(error, 'COMMIT_FAILED', 'the merge could not be committed'),
      t,
      rollBackCommit,
    );
    if (isBackAndWiser(error, failed, t, knowledge)) return undefined;
    throw failed;
  }
  lock.rootTime = undefined;
  yield* hookPoint('post-commit', request);
  try {
    yield* tracked('clean-up', total, emit, cleanUp(t));
  } catch (error) {
    throw incomplete(
      explain(error, 'INCOMPLETE', 'everything is in place, but what the merge needed could not be removed'),
      plan,
    );
  }
  yield* hookPoint('post-clean', request);
  return Object.fromEntries(rungs);
}

/** The error that is told, should it come to that. */
function told(error: unknown, code: ErrorCode, doing: string): unknown {
  return explain(error instanceof RefusedThere ? error.cause : error, code, doing);
}

/** Whether the old tree is back and something was learned that leads to another plan. */
function isBackAndWiser(error: unknown, failed: unknown, t: Transaction, knowledge: Knowledge): boolean {
  const isBack = failed instanceof MergeError && failed.outcome === 'rolled-back';
  return isBack && error instanceof RefusedThere && error.learn(t, knowledge);
}

/** Whoever drives runs the hooks that somebody asked for. */
function* hookPoint(phase: HookPhase, { hooks }: MergeRequest): Steps<void> {
  if (hooks.includes(phase)) yield { hooks: phase };
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

/** A whole recovery. */
export function* recoverSteps(request: RecoverOrder): Steps<RecoverReport> {
  const { fs } = request;
  const { warnings, emit } = collectWarnings(request.emit);
  checkTree(request.root, fs);
  using tree = openRecovered(request);
  if (tree === undefined) return recoverReport({ transaction: undefined, tree: 'none' }, warnings);
  using lock = lockRoot(tree.root, fs, emit, undefined);
  return recoverReport(yield* recoverLocked({ ...request, emit }, tree.root, lock), warnings);
}

/** The root of a recovery, open; undefined when there is neither a merge nor what one left. Nothing is written to find that out. */
export function openRecovered({
  root: path,
  fs,
}: RecoverOrder): (Disposable & { readonly root: DirHandle }) | undefined {
  using opened = new DisposableStack();
  const root = opened.adopt(openRoot(path, fs), (handle) => fs.closeDir(handle));
  const state = findState(root, fs);
  if (state === undefined) return undefined;
  fs.closeDir(state);
  const kept = opened.move();
  return { root, [Symbol.dispose]: () => kept.dispose() };
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

/** What a dry run believes of the mounts, for asking would write. */
function unmeasured(plan: Plan, knowledge: Knowledge): Warning[] {
  const facts = new Set(
    plan.sites.flatMap(({ site, relies }) => [...relies].filter((fact) => knowledge.of(site)[fact] === undefined)),
  );
  if (facts.size === 0) return [];
  const message = `a dry run writes nothing, so this is believed of the mounts and not measured: ${[...facts].join(', ')}`;
  return [{ code: 'NOT_MEASURED', message }];
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

/** Warnings are both told at once and kept for the report. */
export function collectWarnings(emit: MergeRequest['emit']): { warnings: Warning[]; emit: MergeRequest['emit'] } {
  const warnings: Warning[] = [];
  return {
    warnings,
    emit: (event) => {
      if (event.type === 'warning') warnings.push(event.warning);
      emit(event);
    },
  };
}
