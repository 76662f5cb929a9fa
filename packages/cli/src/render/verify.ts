import { type PathFinding, showPath, type VerifiedPackage, type VerifyReport } from '@emplace/merge-core';
import { grouped } from './grouped.ts';
import { jsonPath } from './json.ts';
import { problemJson } from './owners.ts';
import { renderBytes } from './report.ts';

export function isAsMerged({ findings, problems }: VerifiedPackage): boolean {
  return findings.length + problems.length === 0;
}

/** A package with what was found of it, one path a line. */
export function renderVerified(verified: VerifiedPackage): string {
  const { package: name, counts, findings, problems } = verified;
  const entries = count(counts.entries, 'entry', 'entries');
  if (isAsMerged(verified)) return `${name}: as merged (${entries})`;
  const width = Math.max(...findings.map(({ what }) => what.join(', ').length));
  return [
    `${name}: ${grouped(findings.length)} of ${entries} not as merged`,
    ...problems.map(({ message }) => `  ${message.replaceAll('\n', '\n  ')}`),
    ...findings.map((finding) => `  ${renderFinding(finding, width)}`),
  ].join('\n');
}

function count(value: number, one: string, many: string): string {
  return `${grouped(value)} ${value === 1 ? one : many}`;
}

function renderFinding({ path, what, config }: PathFinding, width: number): string {
  return `${what.join(', ').padEnd(width)}  /${showPath(path, '')}${config ? '  (configuration)' : ''}`;
}

export function renderVerifyTotal({ packages, counts, problems }: VerifyReport): string {
  const damages = packages.reduce((sum, one) => sum + one.problems.length, problems.length);
  const told = (['changed', 'configChanged', 'unreadable'] as const)
    .filter((key) => counts[key] > 0)
    .map((key) => `${grouped(counts[key])} ${key === 'configChanged' ? 'of configuration changed' : key}`);
  if (damages > 0) told.push(`${count(damages, 'problem', 'problems')} of the database`);
  const looked = [
    count(packages.length, 'package', 'packages'),
    count(counts.entries, 'entry', 'entries'),
    `${renderBytes(counts.bytesRead)} read`,
  ].join(', ');
  return `${looked}: ${told.join(', ') || 'all as merged'}`;
}

export function verifyJson({ isWhole, counts, packages, problems }: VerifyReport): object {
  return {
    outcome: isWhole ? 'as-merged' : 'found',
    counts,
    packages: packages.map((one) => ({
      package: one.package,
      counts: one.counts,
      findings: one.findings.map(({ path, what, config }) => ({ path: jsonPath(path), what, config })),
      problems: one.problems.map(problemJson),
    })),
    problems: problems.map(problemJson),
  };
}
