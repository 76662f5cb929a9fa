/**
 * `supervision.ts [ROUNDS]`: what it costs that a merge works in a process of its own (`./emplace merge`, beside
 * `--in-process`), for 1, 1,000 and 40,000 entries that are replaced on one mount. Prints a table.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@emplace/fixtures';

const emplace = fileURLToPath(new URL('../../emplace', import.meta.url));
const rounds = Number(process.argv[2] ?? 5);

function fill(top: string, entries: number, content: string): void {
  rmSync(top, { recursive: true, force: true });
  for (let i = 0; i < entries; i++) {
    if (i % 1000 === 0) mkdirSync(`${top}/d${i / 1000}`, { recursive: true });
    writeFileSync(`${top}/d${Math.floor(i / 1000)}/f${i}`, `${content} ${i}`);
  }
}

/** @returns milliseconds from start to exit */
function timed(place: string, entries: number, flags: readonly string[]): number {
  fill(`${place}/root`, entries, 'old');
  fill(`${place}/image`, entries, 'new');
  const args = ['merge', `${place}/image`, '--root', `${place}/root`, '--sync', 'none', ...flags];
  const started = performance.now();
  const { status, stderr } = spawnSync(emplace, args, { encoding: 'utf8' });
  const took = performance.now() - started;
  if (status !== 0) throw new Error(stderr);
  return took;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

using place = temporaryDirectory('/dev/shm');
spawnSync(emplace, ['--version']);
console.log('| entries | in-process ms | supervised ms | ratio | more ms |\n|--:|--:|--:|--:|--:|');
for (const entries of [1, 1_000, 40_000]) {
  const here: number[] = [];
  const apart: number[] = [];
  for (let round = 0; round < rounds; round++) {
    here.push(timed(place.path, entries, ['--in-process']));
    apart.push(timed(place.path, entries, []));
  }
  const [a, b] = [median(here), median(apart)];
  console.log(`| ${entries} | ${a.toFixed(0)} | ${b.toFixed(0)} | ${(b / a).toFixed(2)} | ${(b - a).toFixed(0)} |`);
}
