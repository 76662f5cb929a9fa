import { type ScanReport, staleClasses } from '@emplace/fsprobe';
import { groupsBy, rowsOf } from './groups.ts';
import { showText } from './names.ts';

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/**
 * Metrics for node_exporter's textfile collector, in Prometheus' text format (version 0.0.4: a name may have any UTF-8 as a
 * label's value). Those without names of services or packages are always there, so that an absent one is an error.
 */
export function renderPrometheus(report: ScanReport): string {
  return metricsOf(report)
    .flatMap(({ name, help, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} gauge`,
      ...samples.map(([labels, value]) => `${name}${renderLabels(labels)} ${value}`),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

function metricsOf(report: ScanReport): Metric[] {
  const { counts, durationMs, scanned } = report;
  const rows = rowsOf(report);
  const one = (value: number): Sample[] => [[{}, value]];
  return [
    metric(
      'findings',
      'Files that processes hold and that are not what lies at their path.',
      staleClasses.map((name) => [{ class: name }, rows.filter(({ finding }) => finding.class === name).length]),
    ),
    metric('stale_processes', 'Processes with findings.', one(report.processes.length)),
    metric('service_stale_processes', 'Processes with findings by what has to be started anew.', servicesOf(report)),
    metric(
      'package_stale_processes',
      'Processes with findings by the package of the file.',
      groupsBy('package', report).map((group) => [{ package: group.name }, group.processes.length]),
    ),
    metric('processes', 'Processes that were looked at.', one(counts.processes)),
    metric('unread_processes', 'Processes that could not be read in whole.', one(counts.unread)),
    metric('gone_processes', 'Processes that ended while they were being read.', one(counts.gone)),
    metric('hidden_processes', 'Whether processes may not be listed (hidepid).', one(counts.hidden ? 1 : 0)),
    metric(
      'unread_databases',
      'Containers whose package databases took too long to be read.',
      one(counts.unreadDatabases),
    ),
    metric('duration_seconds', 'How long the scan took.', one(durationMs / 1000)),
    metric('timestamp_seconds', 'When the scan began.', one(scanned)),
  ];
}

function metric(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name: `emplace_scan_${name}`, help, samples };
}

/** Services of one name and kind are one series: a series may be there only once. */
function servicesOf(report: ScanReport): Sample[] {
  const found = new Map<string, { labels: Record<string, string>; processes: number }>();
  for (const { service } of report.processes) {
    const labels = { kind: service.kind, restartable: `${service.restartable}`, service: showText(service.name) };
    const key = Object.values(labels).join('\0');
    found.set(key, { labels, processes: (found.get(key)?.processes ?? 0) + 1 });
  }
  return Array.from(found.values(), ({ labels, processes }) => [labels, processes]);
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

function escapeValue(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => ESCAPED[character] ?? character);
}
