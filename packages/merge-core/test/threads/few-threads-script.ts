/** Starts threads as a user who may have no more of them. Prints what Node says to that, and how many are ready. */
import { Worker } from 'node:worker_threads';
import { prlimit, RLIMIT_NPROC } from '@emplace/syscalls';
import { Threads } from '../../src/threads/threads.ts';

// Loaded as root: the user may not be able to read it where this lies.
prlimit(0, RLIMIT_NPROC);
// Root has no such limit.
process.setgid?.(12_345);
process.setuid?.(12_345);
prlimit(0, RLIMIT_NPROC, { soft: 1, hard: 1 });

let code = '';
try {
  new Worker('', { eval: true });
} catch (error) {
  ({ code = '' } = error as NodeJS.ErrnoException);
}
const choice = { strategy: 'auto', links: true, keepImage: false } as const;
const setup = { image: undefined, root: 0 as never, digests: [], lossy: [], choice, page: undefined };
using threads = new Threads({ count: 3, always: true }, setup);
threads.start(10, 0);
console.log(code, threads.ready.length);
