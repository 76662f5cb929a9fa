/** `ledger.ts [ROUNDS]`: the index of owners over 1,500 packages and a million paths. Prints a table. */
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@emplace/fixtures';
import type { Step } from './ledger/step.ts';
import { median } from './statistics.ts';

const script = fileURLToPath(new URL('ledger/step.ts', import.meta.url));
const rounds = Number(process.argv[2] ?? 3);

using place = temporaryDirectory('/dev/shm');
const root = place.make('root');

function run(step: string): Step {
  const args = ['--conditions=@emplace/source', script, step, root];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Step;
}

const before = loadavg()[0] ?? 0;
console.log(`Database: ${run('generate').note}\n`);
console.log('| step | median ms | lowest–highest | peak MiB |\n|---|--:|--:|--:|');
for (const name of ['nothing', 'build', 'save', 'open', 'refresh', 'lookUp', 'lookUpAll', 'collisions']) {
  const steps = Array.from({ length: rounds }, () => run(name));
  const times = steps.map(({ ms }) => ms);
  const peak = median(steps.map(({ peakKiB }) => peakKiB)) / 1024;
  const range = `${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)}`;
  console.log(`| ${steps[0]?.note} | ${median(times).toFixed(0)} | ${range} | ${peak.toFixed(0)} |`);
}
console.log(
  `\nLoad average ${before.toFixed(1)} before, ${(loadavg()[0] ?? 0).toFixed(1)} after: about 1 is the bench alone`,
);
