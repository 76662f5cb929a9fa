/** `pnpm test`: installs what the tests call, then runs Jest with the arguments given. */
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { installTools } from './install-tools.ts';

const top = fileURLToPath(new URL('..', import.meta.url));

if (!installTools() && process.env.CI === 'true') process.exit(1);

// The flags of `nodeOptions` are given again: this may be run without pnpm.
const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
// Last, for an option that takes a list would take the file names after it.
const ours = process.argv.includes('jest.lab.config.js') ? 'lab-table' : 'skipped-reporter';
const reporters = ['--reporters=default', `--reporters=./scripts/${ours}.ts`];
const args = [...node, ...process.argv.slice(2), ...reporters];
// Root mounts real file systems: in a mount namespace of their own they are gone when the tests end, however they end.
const isRoot = process.geteuid?.() === 0;
const unshare = isRoot ? ['unshare', '--mount', '--propagation', 'private', '--'] : [];
const [command = '', ...rest] = [...unshare, process.execPath, ...args];
const env = isRoot ? { ...process.env, EMPLACE_TEST_OUTER_NAMESPACE: readlinkSync('/proc/self/ns/mnt') } : process.env;
const { status } = spawnSync(command, rest, { cwd: top, stdio: 'inherit', env });
process.exitCode = status ?? 1;
