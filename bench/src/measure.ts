import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Case, Trees } from './cases.ts';
import type { Engine } from './engines.ts';

export interface Run {
  readonly ms: number;
  readonly rssKiB: number;
}

/** One merge. @param scratch a path that may be written */
export function measure(engine: Engine, trees: Trees, of: Case, stopwatch: string, scratch: string): Run {
  const [command = '', ...args] = engine.command(trees, of);
  const options: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] };
  if (engine.timesItself === true) return JSON.parse(execFileSync(command, args, options)) as Run;
  execFileSync(stopwatch, [scratch, command, ...args], options);
  const [ns = Number.NaN, rssKiB = Number.NaN] = readFileSync(scratch, 'utf8').split(' ').map(Number);
  return { ms: ns / 1e6, rssKiB };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
