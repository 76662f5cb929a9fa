import { mkdirSync, writeFileSync } from 'node:fs';
import { REPORT, type Results } from '../run/results.ts';
import { plot } from './plot.ts';
import { callTable, timeTable } from './tables.ts';
import { wantedTable } from './wanted.ts';

/** Writes what was measured to bench/report, with a plot for each family of cases. @returns the tables */
export function writeReport(results: Results): string {
  const all = Object.values(results);
  const loads = all.map(({ load }) => load);
  const text = [
    ...new Set(all.map(({ machine }) => machine)),
    `Load average before the cases: ${Math.min(...loads).toFixed(1)}–${Math.max(...loads).toFixed(1)}; about 1 is the bench alone.`,
    '',
    ...wantedTable(results),
    '',
    ...timeTable(results),
    '',
    ...callTable(results),
    '',
  ].join('\n');
  mkdirSync(REPORT, { recursive: true });
  writeFileSync(`${REPORT}report.md`, text);
  for (const [family, cases] of families(results)) writeFileSync(`${REPORT}${family}.svg`, plot(cases));
  return text;
}

function families(results: Results): [family: string, cases: [string, Results[string]][]][] {
  const grouped = Object.groupBy(Object.entries(results), ([name]) => name.split('/')[0] ?? name);
  return Object.entries(grouped).map(([family, cases = []]) => [family, cases]);
}
