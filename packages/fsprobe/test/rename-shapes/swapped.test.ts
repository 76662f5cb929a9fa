import { chownSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { clean, prepare, tryShape } from '../../src/rename-shapes/private-directory.ts';
import { shapeNames } from '../../src/rename-shapes/shapes.ts';
import { superviseLimits } from '../../src/rename-shapes/supervise.ts';
import { NEIGHBOUR } from '../facts/meddling.ts';

const NAME: Bytes = ascii('.emplace-probe-test');

describe.each([
  { whose: 'the neighbour’s', owner: NEIGHBOUR },
  { whose: 'another of root’s', owner: 0 },
])('once $whose directory has the name of the probe’s', ({ owner }) => {
  rootTest('no shape is tried in it, and nothing of it is removed', () => {
    using work = temporaryDirectory();
    const dir = toBytes(work.make('dir'));
    const { identity } = prepare({ dir, name: NAME });
    renameSync(work.at(`dir/${NAME}`), work.at('dir/moved-away'));
    mkdirSync(work.at(`dir/${NAME}/sibling`), { recursive: true, mode: 0o700 });
    writeFileSync(work.at(`dir/${NAME}/sibling/entry`), 'precious');
    chownSync(work.at(`dir/${NAME}`), owner, owner);
    const made = { dir, name: NAME, identity };
    expect(() => tryShape({ ...made, shape: 'replace' }, () => {})).toThrow('another directory was put in the place');
    expect(() => clean({ ...made, shapes: ['sibling'], all: true }, () => {})).toThrow(
      'another directory was put in the place',
    );
    expect(readdirSync(work.at(`dir/${NAME}`), { recursive: true })).toEqual(['sibling', 'sibling/entry']);
  });
});

test('who waits for a probe waits as long as all pieces of it may take, those of its end too', () => {
  using work = temporaryDirectory();
  const dir = toBytes(work.make('dir'));
  const { identity } = prepare({ dir, name: NAME });
  let pieces = 1;
  clean({ dir, name: NAME, identity, shapes: shapeNames, all: true }, () => {
    pieces++;
  });
  expect(readdirSync(work.at('dir'))).toEqual([]);
  // To prepare, to try, to rename.
  const others = 3;
  const [less, more] = [60_000, 61_000].map((timeoutMs) => superviseLimits(timeoutMs).work);
  expect((more ?? 0) - (less ?? 0)).toBeGreaterThanOrEqual((others + pieces) * 1000);
});
