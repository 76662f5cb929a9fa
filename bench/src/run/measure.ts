import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, Engine, Run, Trees } from '../case.ts';
import { entriesOf } from '../trees/versions.ts';
import type { Tools } from './tools.ts';

/** @returns what one run of the engine took, on trees of its own */
function measure(one: Case, engine: Engine, { stopwatch }: Tools): Run {
  using trees = one.prepare(engine);
  engine.before?.(trees);
  execFileSync('sync', ['-f', trees.root]);
  const run = timed(engine, trees, stopwatch);
  const left = entriesOf(trees.root);
  const [least, most] = one.left ?? [0, Number.POSITIVE_INFINITY];
  if (left < least || left > most) throw new Error(`${engine.name} leaves ${left} names in the root of ${one.name}`);
  return run;
}

function timed(engine: Engine, trees: Trees, stopwatch: string): Run {
  if (engine.timesItself === true) return JSON.parse(output(engine.command(trees))) as Run;
  const result = join(trees.aside, 'stopwatch');
  output([stopwatch, result, ...engine.command(trees)]);
  const [ns = Number.NaN, rssKiB = Number.NaN] = readFileSync(result, 'utf8').split(' ').map(Number);
  return { ms: ns / 1e6, rssKiB };
}

/** Rounds over all engines (A B A B): whatever drifts in the machine meets each of them alike. */
export function measureRounds(
  one: Case,
  engines: readonly Engine[],
  rounds: number,
  tools: Tools,
): Record<string, Run[]> {
  const runs: Record<string, Run[]> = Object.fromEntries(engines.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const engine of engines) {
      const run = measure(one, engine, tools);
      runs[engine.name]?.push(run);
      console.error(`${one.name}  ${round + 1}/${rounds}  ${engine.name}  ${run.ms.toFixed(0)} ms`);
    }
  }
  return runs;
}

/** @returns what it wrote to stdout @throws Error with what it wrote to stderr */
function output([command = '', ...args]: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 30 });
  if (status === 0) return stdout;
  throw new Error(`\`${[command, ...args].join(' ').slice(0, 500)}\` failed: ${error?.message ?? ''}\n${stderr}`);
}
