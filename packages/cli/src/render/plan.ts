import {
  type MergeReport,
  type PathVerdict,
  type Placement,
  type Plan,
  type Protected,
  showPath,
} from '@emplace/merge-core';
import type { Bytes } from '@emplace/syscalls';
import { jsonPath } from './json.ts';
import { renderBytes, renderReport, reportJson } from './report.ts';
import { whyItStays } from './verdicts.ts';

/** One decision of a plan, for a person or a program. */
interface Line {
  readonly action: Placement['action'] | 'make' | 'adopt' | 'keep' | 'remove' | 'drop' | 'stay';
  readonly path: Bytes;
  readonly type: string;
  readonly strategy?: string;
  readonly undo?: string;
  readonly entries?: number;
  readonly bytes?: number;
  /** Why, where the action does not say it. */
  readonly reason?: string;
}

/** A dry run as a person reads it: what happens to each path, by what, why, and what is at risk. */
export function renderPlan(report: MergeReport): string {
  if (report.plan === undefined) return renderReport(report);
  const lines = linesOf(report, report.plan).map((line) => {
    const notes = [line.strategy, line.reason, line.undo && line.undo !== 'none' ? `undo: ${line.undo}` : undefined];
    if ((line.entries ?? 1) > 1) notes.push(`${line.entries} entries, ${renderBytes(line.bytes ?? 0)}`);
    const told = notes.filter((note) => note !== undefined).join(', ');
    return `${line.action.padEnd(8)} ${showPath(line.path, '')}${slashOf(line)}${told === '' ? '' : `  (${told})`}`;
  });
  const risks = risksOf(report.plan);
  if (risks.length > 0) lines.push('', 'at risk:', ...risks.map((risk) => `  ${risk}`));
  return [...lines, '', renderReport({ ...report, protected: [], ...withoutVerdicts(report) })].join('\n');
}

export function planJson(report: MergeReport): object {
  const { plan } = report;
  if (plan === undefined) return reportJson(report);
  const lines = linesOf(report, plan).map((line) => ({
    ...line,
    path: jsonPath(`${line.path}${slashOf(line)}` as Bytes),
  }));
  return { ...reportJson(report), plan: lines, risks: risksOf(plan) };
}

/** Each of them has a line already. */
function withoutVerdicts({ ledger }: MergeReport): Pick<MergeReport, 'ledger'> {
  return ledger === undefined ? {} : { ledger: { ...ledger, verdicts: [] } };
}

/** A directory that goes in, or goes, as one. */
function slashOf({ action, type }: Line): string {
  return type === 'directory' && !['make', 'adopt', 'drop', 'stay'].includes(action) ? '/' : '';
}

function linesOf({ ledger, protected: kept }: MergeReport, plan: Plan): Line[] {
  const path = (directory: number, name: Bytes): Bytes => {
    const parent = plan.directories[directory]?.target ?? '';
    return (parent === '' ? name : `${parent}/${name}`) as Bytes;
  };
  const verdicts = ledger?.verdicts ?? [];
  const obsolete = new Set(verdicts.map((verdict) => verdict.target ?? verdict.path));
  return [
    ...plan.directories
      .filter(({ action, target }) => action !== 'keep' && target !== '')
      .map(
        ({ action, target }): Line => ({
          ...{ action, path: target, type: 'directory' },
          ...(action === 'drop' && { reason: 'if nothing is left in it' }),
        }),
      ),
    ...Array.from(
      plan.placements,
      ({ action, directory, name, as, oldAs, type, rung, undo, entries, size }): Line => ({
        ...{ action, path: path(directory, as ?? name), type, strategy: rung, undo, entries, bytes: size },
        ...(as !== undefined && { reason: `\`${showPath(name, '')}\` is protected` }),
        ...(oldAs !== undefined && { reason: `what is there becomes \`${showPath(oldAs, '')}\`` }),
      }),
    ),
    ...Array.from(
      plan.identical,
      ({ directory, name }): Line => ({ action: 'keep', path: path(directory, name), type: 'identical' }),
    ),
    ...kept.filter(({ as }) => as === undefined).map(offeredBefore),
    ...plan.removals.map(({ directory, name, old, undo }): Line => {
      const target = path(directory, name);
      const reason = obsolete.has(target) ? (plan.image === undefined ? 'of the package' : 'obsolete') : 'record';
      return { action: 'remove', path: target, type: old.type, undo, reason };
    }),
    ...verdicts.filter(({ verdict, reason }) => verdict === 'keep' && reason !== 'replaced').map(stays),
  ];
}

function offeredBefore({ path }: Protected): Line {
  return { action: 'stay', path, type: 'protected', reason: 'protected, its update was offered before' };
}

function stays(verdict: PathVerdict): Line {
  return { action: 'stay', path: verdict.path, type: verdict.type, reason: whyItStays(verdict) };
}

function risksOf(plan: Plan): string[] {
  const risks: string[] = [];
  let unkept = 0;
  let shared = 0;
  const swaps: string[] = [];
  for (const { action, old, undo, type, directory, name, record, rung } of plan.placements) {
    if (old !== undefined && undo === 'none') unkept++;
    if (plan.keepImage && rung === 'hardlink') shared++;
    if (action === 'swap' && record === undefined)
      swaps.push(`${showPath(plan.directories[directory]?.target, name)}: a ${old?.type} gives way to a ${type}`);
  }
  if (unkept > 0)
    risks.push(`${unkept} entries are replaced without undo: once committed the merge can only be completed`);
  const lost = plan.removals.filter(({ undo }) => undo === 'none').length;
  if (lost > 0) risks.push(`${lost} entries are removed without undo: once committed it can only be completed`);
  risks.push(...swaps);
  if (shared > 0)
    risks.push(
      `${shared} placements share their inodes with the image that is kept: a change of one shows in the other`,
    );
  return risks;
}
