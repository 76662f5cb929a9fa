import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, Engine } from '../case.ts';

/** System calls of one run, all its threads and processes, by name. Those of an idle one are taken off. */
export function countCalls(one: Case, engine: Engine): Record<string, number> {
  if (engine.calls === undefined) return {};
  using trees = one.prepare(engine);
  engine.before?.(trees);
  const scratch = join(trees.aside, 'strace');
  const [busy, idle] = engine.calls(trees);
  const base = idle === undefined ? new Map<string, number>() : traced(idle, scratch);
  const calls = [...traced(busy, scratch)].map(([name, count]): [string, number] => [
    name,
    count - (base.get(name) ?? 0),
  ]);
  return Object.fromEntries(calls.filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]));
}

function traced(command: readonly string[], scratch: string): Map<string, number> {
  execFileSync('strace', ['-f', '-c', '-U', 'name,calls', '-o', scratch, ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines = readFileSync(scratch, 'utf8').split('\n');
  return new Map(lines.flatMap((line) => countOf(line)));
}

function countOf(line: string): [string, number][] {
  const [, name = '', count = ''] = /^(\w+)\s+(\d+)\s*$/.exec(line.trim()) ?? [];
  return name === '' || name === 'total' ? [] : [[name, Number(count)]];
}
