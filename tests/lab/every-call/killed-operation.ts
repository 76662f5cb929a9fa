/**
 * Does one of the operations, or recovers, and sends itself SIGKILL right before its n-th call.
 *
 *   node killed-operation.ts OPERATION|one-by-one|recover|roll-back PLACE N
 *
 * Calls are numbered from 1: with 0 it lives.
 */
import { beforeCall } from '@emplace/fixtures/faults';
import { linuxPort } from '@emplace/merge-core';
import { recoverEither } from './kill.ts';
import { type Operation, oneByOne, operations } from './operations.ts';

const [what = '', place = '', n = ''] = process.argv.slice(2);
const fs = beforeCall(linuxPort(), (_name, index) => {
  if (index === Number(n)) process.kill(process.pid, 'SIGKILL');
});
const known: Readonly<Record<string, Operation>> = { ...operations, 'one-by-one': oneByOne };
if (known[what] !== undefined) known[what](place, { fs });
else recoverEither(`${place}/root`, what === 'roll-back', fs);
