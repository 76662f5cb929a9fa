import { mkdirSync, writeFileSync } from 'node:fs';
import { REPORT, type Results } from '../run/results.ts';
import { callTable, timeTable } from './tables.ts';
import { wantedTable } from './wanted.ts';

/** Writes what was measured to bench/report. @returns the same as text */
export function writeReport(results: Results): string {
  const machines = new Set(Object.values(results).map(({ machine }) => machine));
  const text = [
    ...machines,
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
  return text;
}
