import type { Warning } from './events.ts';
import type { Counts, Plan } from './plan/model.ts';

/** What a merge did, or with `planned` would do. */
export interface MergeReport {
  readonly outcome: 'planned' | 'merged';
  readonly transaction: string;
  readonly counts: Counts;
  /** Rung → how many entries it brought. */
  readonly strategies: Readonly<Record<string, number>>;
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
