/** `pnpm check`: what can be said of the code without running it, one line for each check. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('..', import.meta.url));
const bin = join(top, 'node_modules/.bin');

const CHECKS: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  types: [join(bin, 'tsc'), '-b'],
  'lint and format': [join(bin, 'biome'), 'check', '--error-on-warnings', '.'],
  'unused code': [join(bin, 'knip'), '--no-progress'],
  'tidy tree': [
    process.execPath,
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(top, 'node_modules/jest/bin/jest.js'),
    'tests/src/tidy.test.ts',
  ],
};

const results = await Promise.all(Object.entries(CHECKS).map(([name, command]) => check(name, command)));
for (const { name, passed, output } of results) {
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name}`);
  if (!passed) console.log(output);
}
if (results.some(({ passed }) => !passed)) process.exitCode = 1;

interface Result {
  readonly name: string;
  readonly passed: boolean;
  readonly output: string;
}

function check(name: string, [command, ...args]: readonly [string, ...string[]]): Promise<Result> {
  // The shims in .bin look for `node` on the PATH.
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, FORCE_COLOR: '0' };
  const child = spawn(command, args, { cwd: top, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ name, passed: false, output: error.message }));
    child.on('close', (status) => resolve({ name, passed: status === 0, output: Buffer.concat(chunks).toString() }));
  });
}
