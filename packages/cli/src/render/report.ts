import type { HookReport, MergeReport, RecoverReport, Warning } from '@emplace/merge-core';
import { show } from '@emplace/syscalls';
import { grouped } from './grouped.ts';
import { jsonPath } from './json.ts';
import { ledgerJson, renderLedger } from './ledger.ts';
import { renderLost, renderSites, sitesJson } from './sites.ts';

/** A finished merge in a few lines. */
export function renderReport(report: MergeReport): string {
  const { outcome, transaction, counts, strategies, sites, lost, bytes, warnings, recovered } = report;
  const numbers = (['created', 'replaced', 'identical', 'grafted', 'skipped', 'removed'] as const)
    .filter((key) => counts[key] > 0)
    .map((key) => `${grouped(counts[key])} ${key}`);
  const rungs = Object.entries(strategies).map(([name, entries]) => `${name} ${grouped(entries)}`);
  const lines = [
    `${outcome}: ${numbers.join(', ') || 'nothing to do'} (${renderBytes(bytes)}, transaction ${transaction})`,
  ];
  if (rungs.length > 0) lines.push(`strategies: ${rungs.join(', ')}`);
  lines.push(...renderSites({ sites }), ...renderLost({ lost }), ...renderLedger(report));
  if (recovered)
    lines.push(`an unfinished merge ${recovered.transaction} was recovered first: its ${recovered.tree} tree`);
  return [...lines, ...renderWarnings(warnings)].join('\n');
}

export function renderRecovery({ outcome, transaction, warnings }: RecoverReport): string {
  const sentences = {
    recovered: `recovered: merge ${transaction} is complete, the new tree is in place`,
    'rolled-back': `rolled-back: merge ${transaction} is undone, the old tree is back`,
    'nothing-to-recover': 'nothing-to-recover: no merge was left unfinished',
  };
  return [sentences[outcome], ...renderWarnings(warnings)].join('\n');
}

function renderWarnings(warnings: readonly Warning[]): string[] {
  return warnings.map(({ code, message }) => `warning: ${message} (${code})`);
}

export function renderBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length);
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

/** For programs: the report without what is only of use inside. */
export function reportJson(report: MergeReport): object {
  const { plan, warnings, sites, lost, hooks, protected: _, ledger, ...rest } = report;
  return {
    ...rest,
    ...(hooks && { hooks: hooks.map(hookJson) }),
    ...sitesJson(report),
    ...ledgerJson(report),
    warnings: warnings.map(warningJson),
  };
}

/** A path is told by the message too: here it has all its bytes. */
export function warningJson({ code, message, path }: Warning): object {
  return { code, message, ...(path && { path: jsonPath(path) }) };
}

function hookJson({ hook, phase, result, ms }: HookReport): object {
  const base = { hook: show(hook), phase, ms: Math.round(ms), how: result.how };
  if (result.how === 'not-started') return { ...base, error: result.error.message };
  if (result.how === 'skipped') return base;
  const { output, ...rest } = result;
  return { ...base, ...rest, output: show(output.bytes) };
}
