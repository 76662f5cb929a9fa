/** `verify-alone-script.ts ROOT`: verifies by several threads, as a user who may have no more of them. Prints the report. */
import { prlimit, RLIMIT_NPROC } from '@emplace/syscalls';
import { verify } from '../../src/index.ts';

const [root = ''] = process.argv.slice(2);
// Loaded as root: the user may not be able to read it where this lies.
prlimit(0, RLIMIT_NPROC);
// Root has no such limit.
process.setgid?.(12_345);
process.setuid?.(12_345);
prlimit(0, RLIMIT_NPROC, { soft: 1, hard: 1 });
console.log(JSON.stringify((await verify({ root, threads: 3 })).counts));
