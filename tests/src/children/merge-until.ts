/**
 * Merges on the real file system and sends itself SIGKILL right before its n-th call, as if the power had gone or an
 * administrator had lost patience.
 *
 *   node merge-until.ts IMAGE ROOT CALLS [OPTIONS as JSON]
 *
 * CALLS is a number; `NAME:n` for the n-th call of one name; or `count`, which prints how many calls there are.
 */
import { beforeCall } from '@emplace/fixtures/faults';
import { linuxPort, mergeSync } from '@emplace/merge-core';

const [image = '', root = '', calls = '', options = '{}'] = process.argv.slice(2);
const [only, nth] = calls.includes(':') ? calls.split(':') : [undefined, calls];
let made = 0;
const fs = beforeCall(linuxPort(), (name) => {
  if (only !== undefined && name !== only) return;
  made++;
  if (String(made) === nth) process.kill(process.pid, 'SIGKILL');
});
mergeSync({ image, root, fs, ...JSON.parse(options) });
console.log(made);
