/** What was measured is kept in one file, case by case: cases can be run one at a time, and the report shows all. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Run } from '../case.ts';

export const REPORT: string = fileURLToPath(new URL('../../report/', import.meta.url));
const FILE = `${REPORT}results.json`;

/** One case, from one run of the bench. */
export interface CaseResult {
  readonly entries: number;
  /** By engine, the one to compare with first; a round is one place in each list. */
  readonly runs: Readonly<Record<string, readonly Run[]>>;
  /** System calls of one run, by engine and name. */
  readonly calls: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** What the trees have, and on what they were merged. */
  readonly machine: string;
  /** Of the last minute, before the first round: what else ran. */
  readonly load: number;
}

export type Results = Readonly<Record<string, CaseResult>>;

export function readResults(): Results {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Results) : {};
}

export function saveResult(name: string, result: CaseResult): void {
  mkdirSync(REPORT, { recursive: true });
  writeFileSync(FILE, JSON.stringify({ ...readResults(), [name]: result }, undefined, 1));
}

/** The rounds of both. Only whole rounds are comparable, so the engines must be the same. */
export function together(earlier: CaseResult | undefined, later: CaseResult): CaseResult {
  if (earlier === undefined) return later;
  if (Object.keys(earlier.runs).join() !== Object.keys(later.runs).join())
    throw new Error('other engines were measured before: rounds cannot be added to those');
  const runs = Object.entries(later.runs).map(([engine, all]) => [engine, [...(earlier.runs[engine] ?? []), ...all]]);
  return { ...later, runs: Object.fromEntries(runs), calls: { ...earlier.calls, ...later.calls } };
}

/** For the reader of the numbers. */
export function thisMachine(): { machine: string; load: number } {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return {
    machine: `${processors.length} × ${processors[0]?.model.trim()}, ${memory} GiB, Linux ${release().split('-')[0]}, Node ${process.version}`,
    load: loadavg()[0] ?? Number.NaN,
  };
}
