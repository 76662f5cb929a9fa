/**
 * Tries to get the lock of a root again and again, without a pause, and to recover what waits there. Prints how often another
 * had it, and what it found to recover.
 *
 *   node snatch-lock.ts ROOT STOP: until there is a file STOP
 */
import { existsSync } from 'node:fs';
import { MergeError, recoverSync } from '@emplace/merge-core';

const [root = '', stop = ''] = process.argv.slice(2);
let refused = 0;
const found: string[] = [];
while (!existsSync(stop)) {
  try {
    const { outcome } = recoverSync({ root, sync: 'none' });
    if (outcome !== 'nothing-to-recover') found.push(outcome);
  } catch (error) {
    if (!(error instanceof MergeError && error.code === 'LOCKED')) throw error;
    refused++;
  }
}
console.log(JSON.stringify({ refused, found }));
