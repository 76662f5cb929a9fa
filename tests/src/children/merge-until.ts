/**
 * Merges on the real file system and sends itself SIGKILL right before its n-th call, as if the power had gone or an
 * administrator had lost patience.
 *
 *   node merge-until.ts IMAGE ROOT CALLS [OPTIONS as JSON]     CALLS `count`: prints how many calls there are
 */
import { beforeCall } from '@emplace/fixtures/faults';
import { linuxPort, mergeSync } from '@emplace/merge-core';

const [image = '', root = '', calls = '', options = '{}'] = process.argv.slice(2);
let made = 0;
const fs = beforeCall(linuxPort(), () => {
  made++;
  if (String(made) === calls) process.kill(process.pid, 'SIGKILL');
});
mergeSync({ image, root, fs, ...JSON.parse(options) });
console.log(made);
