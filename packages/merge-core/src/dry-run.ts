import type { DirHandle, FsPort } from '@emplace/fsprobe';
import type { Warning } from './events.ts';
import { openLedger } from './ledger/open-ledger.ts';
import type { MergeRequest } from './options.ts';
import { Knowledge } from './plan/knowledge.ts';
import type { Plan } from './plan/model.ts';
import { planned } from './plan/planned.ts';
import { type MergeReport, plannedRungs, siteReports } from './report.ts';
import { findState } from './state.ts';
import type { Steps } from './steps.ts';
import { readJournal } from './transaction/journal.ts';
import type { Trees } from './trees.ts';

/** A plan and nothing else: not even the lock is written. */
export function* preview(request: MergeRequest, trees: Trees): Steps<MergeReport> {
  const { root } = trees;
  const knowledge = new Knowledge(request.facts);
  using ledger = yield* openLedger(request, trees);
  const plan = yield* planned(trees, request, knowledge, ledger);
  const { transaction, counts, bytes } = plan;
  const warnings = [...plan.warnings, ...unfinished(root, request.fs), ...unmeasured(plan, knowledge)];
  const sites = siteReports(plan, knowledge, trees.rootMount, request);
  return {
    outcome: 'planned',
    transaction,
    counts,
    strategies: plannedRungs(plan),
    sites,
    lost: plan.lost,
    bytes,
    warnings,
    protected: plan.protected,
    ...(ledger && { ledger: ledger.report() }),
    plan,
  };
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
