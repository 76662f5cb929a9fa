import { checkTree } from './answering.ts';
import { preview } from './dry-run.ts';
import { collectWarnings } from './events.ts';
import { type Ledger, openLedger } from './ledger/open-ledger.ts';
import { type HeldLock, lockRoot } from './lock.ts';
import type { MergeRequest } from './options.ts';
import { Knowledge } from './plan/knowledge.ts';
import type { Plan } from './plan/model.ts';
import { planned } from './plan/planned.ts';
import { recovered } from './recovery.ts';
import { type MergeReport, siteReports } from './report.ts';
import type { Steps } from './steps.ts';
import { startingAhead } from './threads/start-ahead.ts';
import { Threads } from './threads/threads.ts';
import { carryOut } from './transaction/carry-out.ts';
import type { Recovery } from './transaction/recover.ts';
import { openTrees, pathsOf, type Trees } from './trees.ts';

/** A whole merge, with what comes before and after the story. */
export function* mergeSteps(request: MergeRequest): Steps<MergeReport> {
  const { fs } = request;
  if (!request.dryRun) for (const tree of pathsOf(request)) checkTree(tree, fs);
  using trees = openTrees(request);
  if (request.dryRun) return yield* preview(request, trees);
  const { warnings, emit } = collectWarnings(request.emit);
  using lock = lockRoot(trees.root, fs, { emit });
  const report = yield* mergeLocked(request, trees, lock);
  return { ...report, warnings: [...warnings, ...report.warnings] };
}

/** The story, in a root that is locked: recover → plan → measure → stage → COMMIT POINT → commit → clean up. */
export function* mergeLocked(request: MergeRequest, trees: Trees, lock: HeldLock): Steps<MergeReport> {
  const { warnings, emit } = collectWarnings(request.emit);
  const order = { rollback: false, durable: request.durable, emit };
  const recovery = yield* recovered(trees.root, lock.state, order, request.fs);
  if (recovery.tree !== 'none') lock.rootTime = recovery.rootTime;
  const asked: MergeRequest = { ...request, emit, ...(lock.rootTime && { rootTime: lock.rootTime }) };
  using ledger = yield* openLedger(asked, trees);
  using threads = threadsOf(asked, trees);
  if (ledger !== undefined) threads.start(ledger.toDo.entries, ledger.toDo.bytes);
  const { plan, strategies, sites } = yield* mergeAsMeasured(asked, trees, lock, ledger, threads);
  return {
    outcome: trees.image === undefined ? 'unmerged' : 'merged',
    transaction: plan.transaction,
    counts: plan.counts,
    strategies,
    sites,
    lost: plan.lost,
    bytes: plan.bytes,
    warnings: [...plan.warnings, ...warnings],
    protected: plan.protected,
    ...(ledger && { ledger: ledger.report() }),
    ...recoveredFirst(recovery),
  };
}

/** Plans and carries out; anew while a site turns out to be other than was planned. It ends: each time one strategy less is believed. */
function* mergeAsMeasured(
  request: MergeRequest,
  trees: Trees,
  lock: HeldLock,
  ledger: Ledger | undefined,
  threads: Threads,
): Steps<{ plan: Plan; strategies: Record<string, number>; sites: MergeReport['sites'] }> {
  const knowledge = new Knowledge(request.facts);
  const fs = request.keepImage || trees.isAcross ? startingAhead(request.fs, threads) : request.fs;
  // Another plan brings the same changes another way: what hooks were asked about them they have answered.
  const hooks = new Set(request.hooks);
  for (;;) {
    const plan = yield* planned(trees, { ...request, fs }, knowledge, ledger);
    const strategies = yield* carryOut(plan, request, knowledge, trees, lock, hooks, ledger, threads);
    if (strategies !== undefined)
      return { plan, strategies, sites: siteReports(plan, knowledge, trees.rootMount, request) };
  }
}

/** That they are there costs nothing until there is something to do. */
function threadsOf(request: MergeRequest, { image, root }: Trees): Threads {
  const { ledger, lossy, strategy, links, keepImage } = request;
  const { page, ...terms } = request.threads;
  const choice = { strategy, links, keepImage };
  return new Threads(terms, { image, root, digests: ledger?.digests ?? [], lossy, choice, page });
}

function recoveredFirst({ transaction, tree }: Recovery): Pick<MergeReport, 'recovered'> {
  return transaction === undefined || tree === 'none' ? {} : { recovered: { transaction, tree } };
}
