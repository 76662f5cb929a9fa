import { type MergeReport, type Placement, type Plan, showPath } from '@emplace/merge-core';
import { renderBytes, renderReport, reportJson } from './report.ts';

/** One decision of a plan, for a person or a program. */
interface Line {
  readonly action: Placement['action'] | 'make' | 'adopt' | 'keep';
  readonly path: string;
  readonly type: string;
  readonly strategy?: string;
  readonly undo?: string;
  readonly entries?: number;
  readonly bytes?: number;
}

/** A dry run as a person reads it: what happens to each path, by what, and what is at risk. */
export function renderPlan(report: MergeReport): string {
  if (report.plan === undefined) return renderReport(report);
  const lines = linesOf(report.plan).map((line) => {
    const notes = [line.strategy, line.undo && line.undo !== 'none' ? `undo: ${line.undo}` : undefined];
    if ((line.entries ?? 1) > 1) notes.push(`${line.entries} entries, ${renderBytes(line.bytes ?? 0)}`);
    const told = notes.filter((note) => note !== undefined).join(', ');
    return `${line.action.padEnd(8)} ${line.path}${told === '' ? '' : `  (${told})`}`;
  });
  const risks = risksOf(report.plan);
  if (risks.length > 0) lines.push('', 'at risk:', ...risks.map((risk) => `  ${risk}`));
  return [...lines, '', renderReport(report)].join('\n');
}

export function planJson(report: MergeReport): object {
  const { plan } = report;
  return plan === undefined ? reportJson(report) : { ...reportJson(report), plan: linesOf(plan), risks: risksOf(plan) };
}

function linesOf(plan: Plan): Line[] {
  const path = (directory: number, name: string): string => showPath(plan.directories[directory]?.target, name);
  return [
    ...plan.directories
      .filter(({ action, target }) => action !== 'keep' && target !== '')
      .map(({ action, target }): Line => ({ action, path: showPath(target, ''), type: 'directory' })),
    ...plan.placements.map(
      ({ action, directory, name, type, rung, undo, entries, size }): Line => ({
        action,
        path: type === 'directory' ? `${path(directory, name)}/` : path(directory, name),
        type,
        strategy: rung,
        undo,
        entries,
        bytes: size,
      }),
    ),
    ...plan.identical.map(
      ({ directory, name }): Line => ({ action: 'keep', path: path(directory, name), type: 'identical' }),
    ),
  ];
}

function risksOf(plan: Plan): string[] {
  const risks: string[] = [];
  const unkept = plan.placements.filter(({ old, undo }) => old !== undefined && undo === 'none').length;
  if (unkept > 0)
    risks.push(`${unkept} entries are replaced without undo: once committed the merge can only be completed`);
  for (const { action, old, type, directory, name } of plan.placements) {
    if (action === 'swap')
      risks.push(`${showPath(plan.directories[directory]?.target, name)}: a ${old?.type} gives way to a ${type}`);
  }
  const shared = plan.keepImage ? plan.placements.filter(({ rung }) => rung === 'hardlink').length : 0;
  if (shared > 0)
    risks.push(
      `${shared} placements share their inodes with the image that is kept: a change of one shows in the other`,
    );
  return risks;
}
