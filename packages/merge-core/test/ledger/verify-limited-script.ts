/** `verify-limited-script.ts DESCRIPTORS ROOT`: verifies by as many threads as there may be, in a process that may have so many descriptors. Prints the counts. */
import { prlimit, RLIMIT_NOFILE } from '@emplace/syscalls';
import { verify } from '../../src/index.ts';

const [descriptors, root = ''] = process.argv.slice(2);
prlimit(0, RLIMIT_NOFILE, { soft: Number(descriptors), hard: Number(descriptors) });
console.log(JSON.stringify((await verify({ root, threads: 16 })).counts));
