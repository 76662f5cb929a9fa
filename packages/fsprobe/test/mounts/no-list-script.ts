/** In a namespace of its own: what boundariesUnder says where /proc is not a procfs, though a list lies there. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mountTmpfs } from '@emplace/fixtures';
import { boundariesUnder, MountsUnreadableError } from '../../src/index.ts';

mountTmpfs('/proc');
mkdirSync('/proc/self');
writeFileSync('/proc/self/mountinfo', '1 1 0:1 / / rw - tmpfs forged rw\n');
try {
  boundariesUnder('/');
} catch (error) {
  if (!(error instanceof MountsUnreadableError)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
