/** In a namespace of its own: what holdersOf says of a file that a process of root has open, with the /proc that is asked for. */
import { execFileSync } from 'node:child_process';
import { openSync, readFileSync, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { mountTmpfs, temporaryDirectory, unmount } from '@emplace/fixtures';
import { holdersOf, ProcUnavailableError } from '../../src/index.ts';
import { LEAVES_A_ZOMBIE, startWaiting } from './children.ts';

const [wish = ''] = process.argv.slice(2);
const [option, user] = wish.split(' ');

using place = temporaryDirectory();
const path = place.at('file');
const fd = openSync(path, 'w');
const { dev, ino } = statSync(path, { bigint: true });
await using _holder = await startWaiting('cat', [], { stdio: ['pipe', 'pipe', 'inherit', fd] });

await using zombies = await startWaiting('sh', ['-c', LEAVES_A_ZOMBIE]);
await untilZombie(Number(zombies.said));

if (option?.startsWith('hidepid=')) execFileSync('mount', ['-o', `remount,${option}`, '/proc']);
if (option === 'not-mounted') mountTmpfs('/proc');
// Below it is the /proc of the namespace outside.
if (option === 'foreign') unmount('/proc');
const unprivileged = option === 'unprivileged' || (option?.startsWith('hidepid=') && user !== 'root');
if (unprivileged) process.seteuid?.(65534);
try {
  const { holders, unread, hidden } = holdersOf([{ dev: Number(dev), ino }]);
  const found = holders.filter(({ pid }) => pid !== process.pid).length;
  console.log(JSON.stringify({ found, unread, hidden }));
} catch (error) {
  if (!(error instanceof ProcUnavailableError)) throw error;
  console.log(JSON.stringify({ reason: error.reason }));
} finally {
  process.seteuid?.(0);
}

async function untilZombie(pid: number): Promise<void> {
  while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) await setImmediate();
}
