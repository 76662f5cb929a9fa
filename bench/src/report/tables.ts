import type { CaseResult, Results } from '../run/results.ts';
import { median, pairedRatio, times } from '../statistics.ts';

/** Calls with fewer than this for each entry are not named. */
const CALLS_MIN = 0.05;

/** Every case with every engine. */
export function timeTable(results: Results): string[] {
  const head = ['case', 'engine', 'median ms', 'lowest–highest', 'rounds', 'µs an entry', '× first', 'peak MiB'];
  return table(
    head,
    Object.entries(results).flatMap(([name, result]) => timeRows(name, result)),
  );
}

function timeRows(name: string, { runs, entries }: CaseResult): string[][] {
  const [first = []] = Object.values(runs);
  return Object.entries(runs).map(([engine, all], index) => {
    const ms = median(times(all));
    return [
      index === 0 ? name : '',
      engine,
      whole(ms),
      `${whole(Math.min(...times(all)))}–${whole(Math.max(...times(all)))}`,
      String(all.length),
      ((ms * 1000) / entries).toFixed(1),
      pairedRatio(all, first).toFixed(2),
      whole(median(all.map(({ rssKiB }) => rssKiB)) / 1024),
    ];
  });
}

export function callTable(results: Results): string[] {
  const rows = Object.entries(results).flatMap(([name, { calls, entries }]) =>
    Object.entries(calls)
      .filter(([, counts]) => Object.keys(counts).length > 0)
      .map(([engine, counts]) => callRow(name, engine, counts, entries)),
  );
  return table(['case', 'engine', 'system calls an entry', 'which'], rows);
}

function callRow(name: string, engine: string, counts: Readonly<Record<string, number>>, entries: number): string[] {
  const each = Object.entries(counts).map(([call, count]) => ({ call, rate: count / entries }));
  const total = each.reduce((sum, { rate }) => sum + rate, 0);
  const shown = each.filter(({ rate }) => rate >= CALLS_MIN).map(({ call, rate }) => `${call} ${rate.toFixed(2)}`);
  return [name, engine, total.toFixed(2), shown.join(', ')];
}

/** In Markdown; columns after the second are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column < 2 ? '---' : '--:'))), ...rows.map(line)];
}

function whole(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}
