import { type ErrorCode, explain, MergeError } from '../errors.ts';
import { lenient } from '../fs/lenient.ts';
import type { Ledger } from '../ledger/open-ledger.ts';
import type { HeldLock } from '../lock.ts';
import { OpenDirectories } from '../open-directories.ts';
import type { MergeRequest } from '../options.ts';
import type { Knowledge } from '../plan/knowledge.ts';
import type { Plan } from '../plan/model.ts';
import { tracked } from '../progress.ts';
import { type MergeReport, plannedRungs, siteReports } from '../report.ts';
import type { HookPhase, Steps } from '../steps.ts';
import { Climber } from '../strategy/climb.ts';
import { contentBuffer } from '../strategy/content.ts';
import { SharedWork } from '../threads/shared-work.ts';
import type { Workplace } from '../threads/tasks.ts';
import type { Threads } from '../threads/threads.ts';
import type { Trees } from '../trees.ts';
import { changedPaths } from './changed-paths.ts';
import { cleanUp } from './clean-up.ts';
import { commit, commitPoint, placedPoint } from './commit.ts';
import { Journal } from './journal.ts';
import { measureSites } from './measure-sites.ts';
import { readWhenMade } from './read-when-made.ts';
import { RefusedThere } from './refused-there.ts';
import { rollBackCommit, rollBackStaging } from './rollback.ts';
import { stage } from './stage.ts';
import type { Transaction } from './transaction.ts';

/**
 * Everything that touches the root. Whatever fails before the end leads back to the old tree, or says that it did not.
 *
 * @param hooks phases at which somebody waits for hooks; those that had their turn are taken out
 * @returns what each strategy brought; undefined when a site is other than was planned, and nothing was changed.
 */
export function* carryOut(
  plan: Plan,
  request: MergeRequest,
  knowledge: Knowledge,
  { image, root, rootMount }: Trees,
  lock: HeldLock,
  hooks: Set<HookPhase>,
  ledger: Ledger | undefined,
  threads: Threads,
): Steps<Record<string, number> | undefined> {
  const { durable, emit } = request;
  const fs = lenient(request.fs, request.lossy);
  using imageDirectories = image === undefined ? undefined : new OpenDirectories(fs, image);
  using rootDirectories = new OpenDirectories(fs, root);
  using journal = Journal.begin(plan, lock.state, root, durable, fs);
  const trees = { image: imageDirectories, root: rootDirectories };
  const digests = request.ledger?.digests ?? [];
  const at: Workplace = { fs, ...trees, digests, buffer: contentBuffer(), climber: new Climber(request, fs) };
  const sharing: Transaction['sharing'] = (point) => new SharedWork(at, threads, point);
  const t: Transaction = { fs, plan, ...trees, journal, durable, emit, contents: ledger?.contents, sharing };
  threads.start(...workOf(plan));
  const total = plan.placements.length;
  let rungs: Map<string, number>;
  try {
    if (!(yield* tracked('preflight', undefined, emit, measureSites({ ...t, fs: request.fs }, knowledge)))) {
      yield* rollBackStaging(t);
      return undefined;
    }
    tellPlanned(plan, siteReports(plan, knowledge, rootMount, request), ledger, emit);
    if (hooks.size > 0) request.changing(changedPaths(t));
    yield* hookPoint('pre-stage', hooks);
    if (ledger !== undefined && image !== undefined) {
      using work = sharing('stoppable');
      const isLater = readWhenMade(plan, (rung) => at.climber.named(rung));
      yield* tracked('read', undefined, emit, ledger.readImage(work, isLater));
    }
    rungs = yield* tracked('stage', total, emit, stage(t));
    threads.settle();
    yield* hookPoint('pre-commit', hooks);
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
  yield* hookPoint('post-commit', hooks);
  try {
    yield* tracked('clean-up', total, emit, cleanUp(t));
  } catch (error) {
    throw incomplete(
      explain(error, 'INCOMPLETE', 'everything is in place, but what the merge needed could not be removed'),
      plan,
    );
  }
  yield* hookPoint('post-clean', hooks);
  return Object.fromEntries(rungs);
}

/** How many tasks its threads can share, and how many bytes these read or write. */
function workOf({ placements, removals, bytes }: Plan): [tasks: number, bytes: number] {
  let made = 0;
  let kept = removals.length;
  for (const { staging, entries, undo } of placements) {
    if (staging === 'made') made += entries;
    if (undo !== 'none') kept++;
  }
  return [made + kept, made > 0 ? bytes : 0];
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

/** Whoever drives runs the hooks that somebody asked for, those of a phase once. */
function* hookPoint(phase: HookPhase, hooks: Set<HookPhase>): Steps<void> {
  if (hooks.delete(phase)) yield { hooks: phase };
}

/** @returns the error to throw once the old tree is back, or says that it is not. */
function* rolledBack(error: unknown, t: Transaction, rollBack: (t: Transaction) => Steps<void>): Steps<unknown> {
  yield 'finishing';
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

/** All that a report will say but which strategies were used in the end: who watches may have to make it himself. */
function tellPlanned(
  plan: Plan,
  sites: MergeReport['sites'],
  ledger: Ledger | undefined,
  emit: MergeRequest['emit'],
): void {
  const { transaction, counts, bytes, lost, warnings, protected: kept } = plan;
  const always = { transaction, counts, bytes, lost, warnings, sites, protected: kept, strategies: plannedRungs(plan) };
  emit({ type: 'planned', planned: { ...always, ...(ledger && { ledger: ledger.report() }) } });
}
