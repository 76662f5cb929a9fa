import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { toBytes } from '@emplace/syscalls';
import { expect } from '@jest/globals';
import { probeLeak } from '../../src/index.ts';
import { NEIGHBOUR } from '../facts/meddling.ts';

rootTest('no program is run where somebody else could replace it, in the source or in the target', async () => {
  using work = temporaryDirectory();
  const way = {
    name: 'way',
    replace: () => {
      throw new Error('nothing is to be replaced');
    },
  };
  const closed = work.make('closed');
  const exposed = work.make('exposed');
  for (const [uid, mode] of [
    [0, 0o777],
    [0, 0o775],
    [NEIGHBOUR, 0o755],
    [NEIGHBOUR, 0o1777],
  ] as const) {
    chownSync(exposed, uid, uid);
    chmodSync(exposed, mode);
    for (const [source, target] of [
      [closed, exposed],
      [exposed, closed],
    ] as const) {
      const { judged, control, ways, left } = await probeLeak(toBytes(source), toBytes(target), [way]);
      const why = { verdict: 'not-measured', step: 'prepare', code: 'EXPOSED' };
      expect({ uid, mode, judged, control, ways, left }).toMatchObject({
        judged: false,
        control: why,
        ways: [why],
        left: [],
      });
    }
  }
  expect([readdirSync(closed), readdirSync(exposed)]).toEqual([[], []]);
});
