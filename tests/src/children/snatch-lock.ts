/**
 * Tries to get the lock of a root again and again, without a pause, and to recover what waits there. Prints what it
 * found to recover.
 *
 *   node snatch-lock.ts ROOT STOP REFUSED: until there is a file STOP; makes a file REFUSED whenever another has the lock
 */
import { existsSync, writeFileSync } from 'node:fs';
import { MergeError, recoverSync } from '@emplace/merge-core';

const [root = '', stop = '', refused = ''] = process.argv.slice(2);
const found: string[] = [];
while (!existsSync(stop)) {
  try {
    const { outcome } = recoverSync({ root, sync: 'none' });
    if (outcome !== 'nothing-to-recover') found.push(outcome);
  } catch (error) {
    if (!(error instanceof MergeError && error.code === 'LOCKED')) throw error;
    writeFileSync(refused, '');
  }
}
console.log(JSON.stringify(found));
