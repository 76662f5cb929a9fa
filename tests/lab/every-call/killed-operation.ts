/**
 * Does one of the operations, or recovers, and sends itself SIGKILL right before its n-th call.
 *
 *   node killed-operation.ts OPERATION|recover|roll-back PLACE N
 */
import { beforeCall } from '@emplace/fixtures/faults';
import { linuxPort } from '@emplace/merge-core';
import { recoverEither } from './kill.ts';
import { operations } from './operations.ts';

const [what = '', place = '', n = ''] = process.argv.slice(2);
const fs = beforeCall(linuxPort(), (_name, index) => {
  if (index === Number(n)) process.kill(process.pid, 'SIGKILL');
});
if (what in operations) operations[what as keyof typeof operations](place, { fs });
else recoverEither(`${place}/root`, what === 'roll-back', fs);
