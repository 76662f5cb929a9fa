/** Where the time of a merge goes, by V8's sampling profiler. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Case, Engine } from '../case.ts';

/** Functions with a smaller share of a thread's time are left out. */
const SHARE_MIN = 0.02;

interface Node {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly Node[];
  readonly samples: readonly number[];
  /** Microseconds between samples. */
  readonly timeDeltas: readonly number[];
}

/** @returns lines to read: which functions the main thread was in. Empty for engines that are not Node. */
export function profile(one: Case, engine: Engine): string[] {
  if (engine.timesItself !== true) return [];
  using trees = one.prepare(engine);
  engine.before?.(trees);
  const [node = '', ...args] = engine.command(trees);
  const dir = join(trees.aside, 'profiles');
  mkdirSync(dir);
  execFileSync(node, ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${dir}`, ...args], { stdio: 'pipe' });
  // Threads that are ended before the process ends leave none.
  const threads = readdirSync(dir).map((name) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as Profile);
  return threads.flatMap((thread) => [`${one.name}, ${engine.name}`, ...shares(thread)]);
}

function shares({ nodes, samples, timeDeltas }: Profile): string[] {
  const stacks = stacksOf(nodes);
  const isMeasured = (id: number): boolean => {
    const own = (stacks.get(id) ?? []).filter(({ callFrame }) => callFrame.url.endsWith('/emplace-child.ts'));
    return own.some(isOperation) && !own.some(({ callFrame }) => callFrame.functionName === 'warmUp');
  };
  const [first, last] = [samples.findIndex(isMeasured), samples.findLastIndex(isMeasured)];
  const spent = new Map<string, number>();
  for (let index = first; index <= last && index >= 0; index++) {
    const name = nameOf(stacks.get(samples[index] ?? 0) ?? []);
    spent.set(name, (spent.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const all = [...spent.values()].reduce((sum, time) => sum + time, 0);
  const shown = [...spent].sort((a, b) => b[1] - a[1]).filter(([, time]) => time / all >= SHARE_MIN);
  const percent = (time: number): string => ((time / all) * 100).toFixed(0).padStart(3);
  return shown.map(([name, time]) => `  ${percent(time)} %  ${(time / 1000).toFixed(0).padStart(6)} ms  ${name}`);
}

/** By node: itself, its caller, the caller of that. */
function stacksOf(nodes: readonly Node[]): Map<number, readonly Node[]> {
  const stacks = new Map<number, readonly Node[]>();
  const callers = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  // A caller stands before what it calls.
  for (const node of nodes) stacks.set(node.id, [node, ...(stacks.get(callers.get(node.id) ?? -1) ?? [])]);
  return stacks;
}

function isOperation({ callFrame }: Node): boolean {
  return callFrame.functionName !== '' && callFrame.functionName !== '(anonymous)';
}

/** A system call has the name of who makes it. */
function nameOf(stack: readonly Node[]): string {
  const frame = stack.find(({ callFrame }) => !callFrame.url.endsWith('/native.ts'))?.callFrame;
  return `${frame?.functionName || '(anonymous)'} ${basename(frame?.url ?? '')}`;
}
