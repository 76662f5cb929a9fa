import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Case, Trees } from './cases.ts';
import { child, mergeOptions } from './engines.ts';

/** System calls of one merge by the library, by name. Those of an idle process are taken off. */
export function countCalls(trees: Trees, of: Case, scratch: string): Record<string, number> {
  const idle = traced([...child, '{}', 'idle'], scratch);
  const busy = traced([...child, mergeOptions(trees, of, 'full'), 'cold'], scratch);
  const calls = [...busy].map(([name, count]): [string, number] => [name, count - (idle.get(name) ?? 0)]);
  return Object.fromEntries(calls.filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]));
}

/** The engine merges on the main thread, so the others (the collector's, mostly) are not followed. */
function traced(command: readonly string[], scratch: string): Map<string, number> {
  execFileSync('strace', ['-c', '-U', 'name,calls', '-o', scratch, ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines = readFileSync(scratch, 'utf8').split('\n');
  return new Map(lines.flatMap((line) => countOf(line)));
}

function countOf(line: string): [string, number][] {
  const [, name = '', count = ''] = /^(\w+)\s+(\d+)\s*$/.exec(line.trim()) ?? [];
  return name === '' || name === 'total' ? [] : [[name, Number(count)]];
}
