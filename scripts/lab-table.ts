/**
 * A Jest reporter for the fault lab: at the end a table of what was tried and what came of it, by kind of fault and file
 * system, and what was not tried, with what it needs. Tests add rows through tests/lab/table.ts, to the file that EMPLACE_LAB_TABLE names.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LabRow } from '../tests/lab/table.ts';
import { type Results, skippedTests } from './skipped-reporter.ts';

const COUNTS = ['tried', 'old', 'new', 'controlFailed'] as const;
const HEADS = ['fault', 'file system or input', 'tried', 'old', 'new', 'controls that failed'];

export default class LabTable {
  #directory: string | undefined;

  /** Before the workers start: they inherit the environment. */
  onRunStart(): void {
    if (process.env.EMPLACE_LAB_TABLE) return;
    this.#directory = mkdtempSync(join(tmpdir(), 'emplace-lab-'));
    process.env.EMPLACE_LAB_TABLE = join(this.#directory, 'rows');
  }

  onRunComplete(_contexts: unknown, results: Results): void {
    const file = process.env.EMPLACE_LAB_TABLE;
    const rows = file === undefined ? [] : readRows(file);
    if (rows.length > 0) process.stderr.write(`\n${tableOf(rows)}\n`);
    for (const name of skippedTests(results)) process.stderr.write(`not tried: ${name}\n`);
    if (this.#directory === undefined) return;
    rmSync(this.#directory, { recursive: true, force: true });
    delete process.env.EMPLACE_LAB_TABLE;
  }
}

function readRows(file: string): LabRow[] {
  let lines: string[];
  try {
    lines = readFileSync(file, 'utf8').trim().split('\n');
  } catch {
    // No test that ran had anything to tell.
    return [];
  }
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LabRow);
}

/** One line for each kind and file system, counts of the same summed up. */
function tableOf(rows: readonly LabRow[]): string {
  const sums = new Map<string, number[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.kind, row.fileSystem]);
    const before = sums.get(key) ?? COUNTS.map(() => 0);
    sums.set(
      key,
      COUNTS.map((count, i) => (before[i] as number) + row[count]),
    );
  }
  const lines = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  const total = COUNTS.map((_, i) => lines.reduce((sum, [, counts]) => sum + (counts[i] as number), 0));
  const cells = [
    HEADS,
    ...lines.map(([key, counts]) => [...(JSON.parse(key) as string[]), ...counts.map(String)]),
    ['all', '', ...total.map(String)],
  ];
  const widths = HEADS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return cells.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
}
