/** Where the time of a merge goes, by V8's sampling profiler: each thread of the process, function by function. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Case, Engine } from '../case.ts';

/** Functions with a smaller share of a thread's time are left out. */
const SHARE_MIN = 0.02;

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds between samples. */
  readonly timeDeltas: readonly number[];
}

/** @returns lines to read: for each thread, the functions that it was in. Empty for engines that are not Node. */
export function profile(one: Case, engine: Engine): string[] {
  if (engine.calls === undefined || !engine.timesItself) return [];
  using trees = one.prepare(engine);
  engine.before?.(trees);
  const [[node = '', ...args]] = engine.calls(trees);
  const dir = join(trees.aside, 'profiles');
  mkdirSync(dir);
  execFileSync(node, ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${dir}`, ...args], { stdio: 'pipe' });
  const threads = readdirSync(dir).map((name) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as Profile);
  return threads.flatMap((thread, number) => [`${one.name}, ${engine.name}, thread ${number}:`, ...shares(thread)]);
}

function shares({ nodes, samples, timeDeltas }: Profile): string[] {
  const byId = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const spent = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const frame = byId.get(id);
    if (frame === undefined || frame.functionName === '(idle)') continue;
    const name = `${frame.functionName || '(anonymous)'} ${basename(frame.url)}`;
    spent.set(name, (spent.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const all = [...spent.values()].reduce((sum, time) => sum + time, 0);
  return [...spent]
    .sort((a, b) => b[1] - a[1])
    .filter(([, time]) => time / all >= SHARE_MIN)
    .map(
      ([name, time]) =>
        `  ${((time / all) * 100).toFixed(0).padStart(3)} %  ${(time / 1000).toFixed(0).padStart(6)} ms  ${name}`,
    );
}
