import type { Finding, ScanCounts, ScannedProcess, ScanReport } from '@emplace/fsprobe';
import { show } from '@emplace/syscalls';
import { grouped } from '../grouped.ts';
import { type Cell, type Column, table } from './cells.ts';
import type { Grade } from './classes.ts';
import { advicesOf, type Group, type Grouping, groupsBy, NO_PACKAGE, rowsOf } from './groups.ts';
import { commandLineOf, commandOf, ownersOf, placeOf, showText, showWords, timeOf } from './names.ts';

export interface TextOptions {
  readonly by: Grouping;
  /** Every finding with its evidence, below the table. */
  readonly verbose: boolean;
  /** Of a line, in terminal cells. Below about 60 the columns no longer fit. */
  readonly width: number;
  /** Colours, or the text as it is. What a colour says, a word says too. */
  readonly paint: Paint;
}

export type Paint = (style: Grade | 'head', text: string) => string;

/** A table of one line for each thing to start anew, what to do, and what was looked at. */
export function renderScan(report: ScanReport, options: TextOptions): string {
  const groups = groupsBy(options.by, report);
  const parts: string[][] = [[renderTotal(report)]];
  if (groups.length > 0) {
    const advices = advicesOf(rowsOf(report));
    if (advices.length > 0)
      parts.unshift([options.paint('head', 'what to do:'), ...advices.map((advice) => `  ${advice}`)]);
    if (options.verbose) parts.unshift(...groups.map((group) => renderDetails(group, options)));
    parts.unshift(renderTable(groups, options));
  }
  return parts.map((lines) => lines.join('\n')).join('\n\n');
}

const STALE: Column = { title: 'STALE', least: 23 };
const PACKAGE: Column = { title: 'PACKAGE', least: 12 };
const SERVICE: Column = { title: 'SERVICE', least: 12 };
const PROCESSES: Column = { title: 'PROCESSES', align: 'right' };

type CellOf = (group: Group) => Cell;

const classesOf: CellOf = ({ classes }) => classes.map(([name, count]) => `${name} ${grouped(count)}`);
const processesOf: CellOf = ({ processes }) => grouped(processes.length);
const nameOf: CellOf = ({ name }) => name;
/** Without versions, which `libc6:amd64 2.41-12` has behind a blank: there is no room for two of those. */
const packagesOf: CellOf = ({ packages }) => [
  ...new Set(packages.map((name) => (name === NO_PACKAGE ? name : name.replace(/ .*$/s, '')))),
];

const layouts: Readonly<Record<Grouping, readonly (readonly [Column, CellOf])[]>> = {
  service: [
    [SERVICE, nameOf],
    [PROCESSES, processesOf],
    [STALE, classesOf],
    [PACKAGE, packagesOf],
  ],
  package: [
    [PACKAGE, nameOf],
    [PROCESSES, processesOf],
    [STALE, classesOf],
    [SERVICE, ({ services }) => services],
  ],
  process: [
    [{ title: 'PID', align: 'right' }, ({ processes: [process] }) => `${process?.pid}`],
    [{ title: 'COMMAND', least: 12 }, ({ processes: [process] }) => (process === undefined ? '' : commandOf(process))],
    [STALE, classesOf],
    [PACKAGE, packagesOf],
    [SERVICE, ({ services }) => services],
  ],
};

function renderTable(groups: readonly Group[], { by, width, paint }: TextOptions): string[] {
  const layout = layouts[by];
  const rows = groups.map((group) => layout.map(([, cellOf]) => cellOf(group)));
  const [head = '', ...lines] = table(
    layout.map(([column]) => column),
    rows,
    width,
  );
  return [paint('head', head), ...lines.map((line, at) => paint(groups[at]?.grade ?? 'note', line))];
}

function renderDetails({ name, processes, rows }: Group, { paint }: TextOptions): string[] {
  const lines = [paint('head', name)];
  for (const process of processes) {
    lines.push(`  ${renderProcess(process)}`);
    for (const { finding } of rows.filter((row) => row.process === process))
      lines.push(...renderFinding(finding).map((line) => `    ${line}`));
  }
  return lines;
}

function renderProcess(process: ScannedProcess): string {
  const facts = [placeOf(process), `uid ${process.uid}`, `since ${timeOf(process.started)}`];
  return `${process.pid} ${commandLineOf(process)} (${facts.filter((fact) => fact !== '').join(', ')})`;
}

function renderFinding(finding: Finding): string[] {
  const { class: name, confidence, held, shown, evidence } = finding;
  const owners = ownersOf(finding);
  return [
    `${name} (${held}, ${confidence} confidence): \`${show(shown)}\``,
    ...evidence.map((words) => `  ${showWords(words)}`),
    ...(owners.length > 0 ? [`  package: ${owners.join(', ')}`] : []),
  ];
}

function renderTotal(report: ScanReport): string {
  const { processes, counts, durationMs } = report;
  const looked = plural(counts.processes, 'process', 'processes');
  const leaking = new Set(rowsOf(report).flatMap(({ process, finding }) => (finding.leaks ? [process.pid] : []))).size;
  const services = new Set(processes.map(({ service }) => showText(service.name))).size;
  const found =
    processes.length === 0
      ? `nothing found in ${looked}`
      : `${grouped(processes.length)} of ${looked} in ${plural(services, 'service', 'services')}`;
  const told = [found, ...(leaking > 0 ? [`${grouped(leaking)} with a path of an image or a staged name`] : [])];
  return [`${told.join(', ')} (${Math.round(durationMs)} ms)`, ...unknownOf(counts)].join('\n');
}

/** What nothing is known of: it is no sign of being clean. */
export function unknownOf({ unread, hidden, gone, unreadDatabases }: ScanCounts): string[] {
  return [
    ...(unread > 0 ? [`not known: ${plural(unread, 'process', 'processes')} could not be read in whole`] : []),
    ...(hidden ? ['not known: processes of others may not be listed here (`hidepid`)'] : []),
    ...(gone > 0 ? [`not known: ${plural(gone, 'process', 'processes')} ended before being read`] : []),
    ...(unreadDatabases > 0
      ? [
          `not known: packages of ${plural(unreadDatabases, 'container', 'containers')}, whose databases took too long to read`,
        ]
      : []),
  ];
}

function plural(count: number, one: string, many: string): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
