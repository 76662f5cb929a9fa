/** `pnpm test`: installs what the tests call, then runs Jest with the arguments given. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { installTools } from './install-tools.ts';

const top = fileURLToPath(new URL('..', import.meta.url));

if (!installTools() && process.env.CI === 'true') process.exit(1);

// The flags of `nodeOptions` are given again: this may be run without pnpm.
const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
// Last, for an option that takes a list would take the file names after it.
const reporters = ['--reporters=default', '--reporters=./scripts/skipped-reporter.ts'];
const args = [...node, ...process.argv.slice(2), ...reporters];
const { status } = spawnSync(process.execPath, args, { cwd: top, stdio: 'inherit' });
process.exitCode = status ?? 1;
