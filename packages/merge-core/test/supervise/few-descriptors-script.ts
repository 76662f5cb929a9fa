/** `few-descriptors-script.ts IMAGE ROOT`: tries to merge with ever more free descriptors. Prints what came of each try, one JSON line each. */
import { readdirSync } from 'node:fs';
import { prlimit, RLIMIT_NOFILE } from '@emplace/syscalls';
import { MergeError, merge } from '../../src/index.ts';

const [image = '', root = ''] = process.argv.slice(2);
const options = { image, root, sync: 'none', keepImage: true } as const;
const open = (): number => readdirSync('/proc/self/fd').length;
const { hard } = prlimit(0, RLIMIT_NOFILE);

await merge(options);
let code = '';
for (let free = 0; code !== 'merged' && free < 100; free++) {
  const before = open();
  prlimit(0, RLIMIT_NOFILE, { soft: before + free, hard });
  let why = '';
  try {
    await merge(options);
    code = 'merged';
  } catch (error) {
    code = error instanceof MergeError ? error.code : String(error);
    why = String(error);
  }
  prlimit(0, RLIMIT_NOFILE, { soft: hard, hard });
  // What was destroyed is closed when the event loop has turned.
  for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate);
  console.log(JSON.stringify({ code, why, kept: open() - before }));
}
