/** As another user, below strace or a limit: what is said when no process can be had, or limited. Prints it as JSON. */
import { prlimit, RLIMIT_NOFILE, RLIMIT_NPROC } from '@emplace/syscalls';
import { SpawnError, spawnProgram } from '../../src/index.ts';
import { specOf, TRUE } from './wishes.ts';

const [wish, path = TRUE] = process.argv.slice(2);
const spec = specOf({ argv: [path], ...(wish === 'EPERM' && { rlimits: { openFiles: 10 }, stdin: [] }) });

// Everything is loaded before the user changes: the sources may not be his to read.
if (wish !== 'ENOMEM') await (await spawnProgram(specOf({ argv: [TRUE] }))).ended;
if (wish === 'EAGAIN') prlimit(0, RLIMIT_NPROC, { soft: 1, hard: 1 });
if (wish === 'EAGAIN' || wish === 'EPERM') {
  process.setgroups?.([]);
  process.setgid?.(65534);
  process.setuid?.(65534);
}
if (wish === 'EMFILE') prlimit(0, RLIMIT_NOFILE, { soft: 3, hard: 3 });
try {
  await (await spawnProgram(spec)).ended;
  console.log(JSON.stringify({ code: 'started' }));
} catch (error) {
  if (!(error instanceof SpawnError)) throw error;
  console.log(JSON.stringify({ code: error.code, blame: error.blame }));
}
