import type { Finding, ScannedProcess, ScanReport, Service, StaleClass } from '@emplace/fsprobe';
import { byGrade, classWords, type Grade, worstGrade } from './classes.ts';
import { commandOf, ownersOf, showText } from './names.ts';

export const groupings = ['service', 'package', 'process'] as const;
export type Grouping = (typeof groupings)[number];

/** What nobody's record has. */
export const NO_PACKAGE = '(no package)';

/** One finding with the process that it is of. */
export interface Row {
  readonly process: ScannedProcess;
  readonly finding: Finding;
}

/** What is told in one line. All text is safe to print. */
export interface Group {
  readonly name: string;
  readonly rows: readonly Row[];
  readonly processes: readonly ScannedProcess[];
  readonly services: readonly string[];
  readonly packages: readonly string[];
  /** With the number of findings, the worst first. */
  readonly classes: readonly (readonly [StaleClass, number])[];
  readonly grade: Grade;
}

export function rowsOf({ processes }: Pick<ScanReport, 'processes'>): Row[] {
  return processes.flatMap((process) => process.findings.map((finding) => ({ process, finding })));
}

/** The worst first, then those with the most processes. What several packages own is in a group of each. */
export function groupsBy(grouping: Grouping, report: Pick<ScanReport, 'processes'>): Group[] {
  const found = new Map<string, Row[]>();
  for (const row of rowsOf(report)) {
    for (const key of keysOf(grouping, row)) {
      const rows = found.get(key);
      if (rows === undefined) found.set(key, [row]);
      else rows.push(row);
    }
  }
  return Array.from(found, ([key, rows]) => groupOf(nameOf(grouping, key, rows), rows)).sort(worstFirst);
}

function keysOf(grouping: Grouping, { process, finding }: Row): readonly string[] {
  if (grouping === 'service') return [serviceKey(process.service)];
  if (grouping === 'process') return [`${process.pid}`];
  return packagesOf(finding);
}

function nameOf(grouping: Grouping, key: string, [row]: readonly Row[]): string {
  if (grouping === 'package' || row === undefined) return key;
  return grouping === 'service' ? showText(row.process.service.name) : `${key} ${commandOf(row.process)}`;
}

/** Two of one name may want different things: a shell alone, and one that outlives its service. */
export function serviceKey({ kind, name, advice }: Service): string {
  return [kind, name, advice].join('\0');
}

export function packagesOf(finding: Finding): readonly string[] {
  return finding.owners.length === 0 ? [NO_PACKAGE] : ownersOf(finding);
}

function groupOf(name: string, rows: readonly Row[]): Group {
  const counts = new Map<StaleClass, number>();
  for (const { finding } of rows) counts.set(finding.class, (counts.get(finding.class) ?? 0) + 1);
  const processes = [...new Set(rows.map(({ process }) => process))];
  return {
    name,
    rows,
    processes,
    services: [...new Set(processes.map(({ service }) => showText(service.name)))],
    packages: [...new Set(rows.flatMap(({ finding }) => packagesOf(finding)))],
    classes: [...counts].sort(([a], [b]) => byGrade(a, b)),
    grade: worstGrade(counts.keys()),
  };
}

const order: Readonly<Record<Grade, number>> = { alarm: 0, stale: 1, note: 2 };

function worstFirst(a: Group, b: Group): number {
  return order[a.grade] - order[b.grade] || b.processes.length - a.processes.length || (a.name < b.name ? -1 : 1);
}

/** What mends all that is told, once each; those that are a command to run first. */
export function advicesOf(rows: readonly Row[]): string[] {
  const commands = new Set<string>();
  const others = new Set<string>();
  const remedies = new Map<string, Set<string>>();
  for (const { process, finding } of rows) {
    const { remedy } = classWords[finding.class];
    if (remedy === undefined) (process.service.restartable ? commands : others).add(showText(process.service.advice));
    else if (remedy !== '')
      remedies.set(remedy, (remedies.get(remedy) ?? new Set()).add(`${commandOf(process)} (${process.pid})`));
  }
  return [...commands, ...others, ...Array.from(remedies, ([remedy, whom]) => `${remedy}: ${firstOf([...whom])}`)];
}

const NAMED_MAX = 3;

function firstOf(names: readonly string[]): string {
  const more = names.length - NAMED_MAX;
  return names.slice(0, NAMED_MAX).join(', ') + (more > 0 ? `, +${more}` : '');
}
