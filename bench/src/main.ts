/** `main.ts [RUNS]`: measures, prints the tables, and writes all numbers to bench/results.json. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { runInNamespace, temporaryDirectory } from '@emplace/fixtures';
import { type Measured, tables } from './report.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const [runs = '3'] = process.argv.slice(2);

using place = temporaryDirectory();
for (const program of ['floor', 'stopwatch']) {
  execFileSync('gcc', ['-O2', '-Wall', '-o', place.at(program), here(`${program}.c`)], { stdio: 'inherit' });
}
// Installs and builds first what is missing: not while the clock runs.
execFileSync(here('../../emplace'), ['--version'], { stdio: ['ignore', 'ignore', 'inherit'] });
const before = loadavg()[0] ?? 0;
const output = await runInNamespace(here('measure-script.ts'), [place.path, runs], { timeoutMs: 600_000 });
writeFileSync(here('../results.json'), output);
console.log(tables(JSON.parse(output) as Measured));
const after = loadavg()[0] ?? 0;
console.log(`\nLoad average ${before.toFixed(1)} before, ${after.toFixed(1)} after: about 1 is the bench alone`);
