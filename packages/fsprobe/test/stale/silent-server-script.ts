/** In a namespace of its own: a scan of programs and scripts on a FUSE file system that answers nothing any more. */
import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { temporaryDirectory } from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { scan } from '../../src/index.ts';
import { CAT, startWaiting } from '../processes/children.ts';

/** The kernel asks again for what it has known for so long. */
const STALE_MS = 1500;

using place = temporaryDirectory();
await using silent = await mountFuse(place.at('silent'));
// By another process: its server is a child of this one, which must not wait for it in a system call.
const run = (command: string): Promise<object> => promisify(execFile)('sh', ['-ec', `cd ${silent.path}; ${command}`]);
await run(`cp ${CAT} removed; cp ${CAT} kept; echo 'while read line; do echo $line; done' > script`);
const removed = await startWaiting(`${silent.path}/removed`);
const kept = await startWaiting(`${silent.path}/kept`);
const script = await startWaiting('sh', [`${silent.path}/script`]);
await run('rm removed');
await silent.rules((['LOOKUP', 'GETATTR'] as const).map((operation) => ({ operation, answer: 'hold' })));
await setTimeout(STALE_MS);
const told = [removed, kept, script].map(({ pid }) => {
  const { processes, counts } = scan({ pids: [pid], owners: [] });
  return { classes: processes.flatMap(({ findings }) => findings.map((one) => one.class)), unread: counts.unread };
});
console.log(JSON.stringify(told));
await silent.abort();
process.exit(0);
