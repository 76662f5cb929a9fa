import { CASES } from './cases.ts';
import { median, type Run } from './measure.ts';

/** What the measuring script hands over. */
export interface Measured {
  /** Names in the tree that is timed. */
  readonly entries: number;
  readonly files: number;
  readonly bytes: number;
  /** By case, then by engine, the floor first. */
  readonly runs: Record<string, Record<string, Run[]>>;
  /** Names in the smaller tree under strace. */
  readonly tracedEntries: number;
  readonly calls: Record<string, Record<string, number>>;
}

/** Calls with fewer than this for each entry are summed up as others. */
const CALLS_MIN = 0.02;

export function tables(measured: Measured): string {
  const { files, entries, bytes } = measured;
  const size = `${files} files, ${entries} entries, ${Math.round(bytes / 1e6)} MB`;
  const times = CASES.flatMap(({ name }) => timeRows(measured, name));
  const calls = CASES.map(({ name }) => callRow(measured, name));
  return [
    `Tree: ${size}`,
    '',
    '| case | engine | median ms | lowest–highest | µs an entry | × floor | peak MiB |',
    '|---|---|--:|--:|--:|--:|--:|',
    ...times,
    '',
    '| case | system calls an entry | which |',
    '|---|--:|---|',
    ...calls,
  ].join('\n');
}

function timeRows({ runs, entries }: Measured, name: string): string[] {
  const byEngine = Object.entries(runs[name] ?? {});
  const floor = medianMs(byEngine[0]?.[1] ?? []);
  return byEngine.map(([engine, all]) => {
    const ms = medianMs(all);
    const [low, high] = [Math.min(...all.map((run) => run.ms)), Math.max(...all.map((run) => run.ms))];
    const rss = Math.round(median(all.map((run) => run.rssKiB)) / 1024);
    const perEntry = ((ms * 1000) / entries).toFixed(1);
    return `| ${name} | ${engine} | ${ms.toFixed(0)} | ${low.toFixed(0)}–${high.toFixed(0)} | ${perEntry} | ${(ms / floor).toFixed(1)} | ${rss} |`;
  });
}

function medianMs(runs: readonly Run[]): number {
  return median(runs.map(({ ms }) => ms));
}

function callRow({ calls, tracedEntries }: Measured, name: string): string {
  const each = Object.entries(calls[name] ?? {}).map(([call, count]) => ({ call, rate: count / tracedEntries }));
  const total = each.reduce((sum, { rate }) => sum + rate, 0);
  const shown = each.filter(({ rate }) => rate >= CALLS_MIN).map(({ call, rate }) => `${call} ${rate.toFixed(2)}`);
  return `| ${name} | ${total.toFixed(2)} | ${shown.join(', ')} |`;
}
