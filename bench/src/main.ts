/**
 * `main.ts [--cases NAME,…] [--engines REGEXP] [--rounds N] [--more] [--profile] [--no-calls]`: measures, and writes bench/report: the tables, the
 * plots and all numbers. `--rounds 0` only writes the report of what was measured before. Needs root.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@emplace/fixtures';
import { withPortage } from './report/portage.ts';
import { writeReport } from './report/report.ts';
import { runOptions } from './run/options.ts';
import { readResults } from './run/results.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const options = runOptions(process.argv.slice(2));

/** Mounts and processes are gone with it, however it ends. What it says is seen while it runs. */
function measureInNamespace(): boolean {
  // Installs and builds first what is missing: not while the clock runs.
  execFileSync(here('../../emplace'), ['--version'], { stdio: ['ignore', 'ignore', 'inherit'] });
  execFileSync(process.execPath, [here('../../node_modules/typescript/bin/tsc'), '-b', here('../..')], {
    stdio: 'inherit',
  });
  using place = temporaryDirectory();
  const unshare = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', '--'];
  const node = [process.execPath, '--conditions=@emplace/source', '--disable-warning=ExperimentalWarning'];
  const { status } = spawnSync(
    'unshare',
    [...unshare, ...node, here('run/measure-script.ts'), place.path, JSON.stringify(options)],
    {
      stdio: 'inherit',
      env: { ...process.env, EMPLACE_TEST_OUTER_NAMESPACE: readlinkSync('/proc/self/ns/mnt') },
    },
  );
  return status === 0;
}

if (options.rounds > 0 && !measureInNamespace()) process.exitCode = 1;
if (!options.profile) console.log(writeReport(withPortage(readResults())));
