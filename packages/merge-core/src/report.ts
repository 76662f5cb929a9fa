import type { Site, SiteFacts } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Warning } from './events.ts';
import type { HookReport } from './hooks/run-hooks.ts';
import type { LedgerReport } from './ledger/package-plan.ts';
import type { MergeRequest } from './options.ts';
import type { Knowledge } from './plan/knowledge.ts';
import type { Counts, Lost, Plan, Protected } from './plan/model.ts';

/** Two mounts between which entries were merged. */
export interface SiteReport {
  /** A directory of the image and one of the root. */
  readonly image: Bytes;
  readonly target: Bytes;
  readonly site: Site;
  /** How many names were placed there, a whole new directory being one. */
  readonly placements: number;
  /** The mount that the entries lie beyond, when it is not the root's own. */
  readonly beyond?: string;
  /** Strategies that work there, cheapest first. */
  readonly rungs: readonly string[];
  /** Strategies that do not, and why. */
  readonly refused: Readonly<Record<string, string>>;
  /** What was asked of the kernel, or known, and relied on. */
  readonly facts: SiteFacts;
}

/** @param rootMount mount id of the root: from before anything is changed, when a failure to tell is a refusal */
export function siteReports(
  plan: Plan,
  knowledge: Knowledge,
  rootMount: number,
  { mountName }: Pick<MergeRequest, 'mountName'>,
): SiteReport[] {
  // Where the root is on both sides nothing is merged.
  const between = plan.sites.flatMap(({ image, ...rest }) => (image === undefined ? [] : [{ ...rest, image }]));
  return between.map(({ image, target, site, placements, rungs, refused }) => ({
    image: image.path,
    target,
    site,
    placements,
    ...(site.target.mountId === rootMount ? {} : { beyond: mountName(site.target.mountId) }),
    rungs,
    refused: Object.fromEntries(refused),
    facts: knowledge.of(site),
  }));
}

/** What a merge did, or with `planned` would do. */
export interface MergeReport {
  readonly outcome: 'planned' | 'merged' | 'unmerged';
  readonly transaction: string;
  readonly counts: Counts;
  /** Rung → how many entries it brought. */
  readonly strategies: Readonly<Record<string, number>>;
  /** Where entries came from and went to, and the facts that decided how. */
  readonly sites: readonly SiteReport[];
  /** What entries lost, as `lossy` accepted; with `planned`: what they would lose. */
  readonly lost: readonly Lost[];
  /** Protected files that were not overwritten. */
  readonly protected: readonly Protected[];
  readonly ledger?: LedgerReport;
  /** What became of each hook that ran. */
  readonly hooks?: readonly HookReport[];
  /** Content of the regular files that were placed, bytes. */
  readonly bytes: number;
  readonly warnings: readonly Warning[];
  /** With `planned`: every decision. */
  readonly plan?: Plan;
  /** What an earlier, stopped merge had left and this one finished first. */
  readonly recovered?: { readonly transaction: string; readonly tree: 'old' | 'new' };
}

/** What a recovery did: `recovered` when the new tree is whole, `rolled-back` when the old one is. */
export interface RecoverReport {
  readonly outcome: 'recovered' | 'rolled-back' | 'nothing-to-recover';
  readonly transaction?: string;
  readonly warnings: readonly Warning[];
}

/** Which rungs a plan counts on. */
export function plannedRungs(plan: Plan): Record<string, number> {
  const rungs: Record<string, number> = {};
  for (const { rung, entries } of plan.placements) rungs[rung] = (rungs[rung] ?? 0) + entries;
  return rungs;
}
