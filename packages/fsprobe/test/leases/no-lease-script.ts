/** In a namespace of its own, run again without CAP_LEASE: what is said of somebody else's file. */
import { execFileSync } from 'node:child_process';
import { chownSync, closeSync, openSync, writeFileSync } from 'node:fs';
import { mountTmpfs, temporaryDirectory } from '@emplace/fixtures';
import { toBytes } from '@emplace/syscalls';
import { settle, writersOf } from '../../src/index.ts';
import { startWaiting } from '../processes/children.ts';

const AGAIN = 'without-lease';

if (process.argv[2] === AGAIN) {
  console.log(JSON.stringify(await look()));
} else {
  const node = [process.execPath, ...process.execArgv, process.argv[1] as string, AGAIN];
  execFileSync('setpriv', ['--bounding-set=-lease', '--', ...node], { stdio: 'inherit' });
}

async function look(): Promise<object> {
  using place = temporaryDirectory();
  const file = place.at('file');
  writeFileSync(file, '');
  chownSync(file, 1, 1);
  const path = toBytes(file);
  const lease = writersOf(path);
  const free = await settle(path, 0);
  const fd = openSync(file, 'a');
  await using writer = await startWaiting('cat', [], { stdio: ['pipe', 'pipe', 'inherit', fd] });
  closeSync(fd);
  const open = await settle(path, 0);
  const pids = open.state === 'busy' ? open.writers.map(({ pid }) => pid) : [];
  mountTmpfs('/proc');
  const withoutProc = await settle(path, 0);
  return {
    lease,
    free,
    open: { state: open.state, foundIt: pids.includes(writer.pid), all: pids.length },
    withoutProc,
  };
}
