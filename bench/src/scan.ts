/**
 * `scan.ts [ROUNDS]`: how long a scan of 500 and of 2,000 sleeping processes takes, beside a C program that reads the same
 * and makes nothing of it, and beside the tools that others use. Prints a table; needs root and gcc. Peers that are not
 * installed (Debian: lsof, needrestart, debian-goodies) are left out by name.
 */
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { runInNamespace, temporaryDirectory } from '@emplace/fixtures';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const [rounds = '7'] = process.argv.slice(2);

using place = temporaryDirectory();
execFileSync('gcc', ['-O2', '-Wall', '-o', place.at('floor'), here('scan-floor.c')], { stdio: 'inherit' });
// Installs and builds first what is missing: not while the clock runs.
execFileSync(here('../../emplace'), ['--version'], { stdio: ['ignore', 'ignore', 'inherit'] });
for (const processes of ['500', '2000']) {
  const before = loadavg()[0] ?? 0;
  const args = [place.at('floor'), processes, rounds];
  console.log(await runInNamespace(here('scan-script.ts'), args, { timeoutMs: 600_000 }));
  console.log(`Load average ${before.toFixed(1)} before, ${(loadavg()[0] ?? 0).toFixed(1)} after\n`);
}
