/** A plan that is packed says what one of objects would. */
import { ascii, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { identicals } from '../../src/plan/identicals.ts';
import type { Placement } from '../../src/plan/model.ts';
import { Placements } from '../../src/plan/placements.ts';

const plain: Placement = {
  directory: 3,
  name: ascii('name'),
  type: 'file',
  action: 'create',
  ino: 7n,
  placedIno: 7n,
  size: 5,
  entries: 1,
  rung: 'rename',
  staging: 'in-image',
  undo: 'none',
};

const odd: Placement = {
  ...plain,
  directory: 2 ** 32 - 1,
  name: toBytes(Buffer.from([0xff, 0x0a, 0x80, ...Buffer.alloc(252, 0xfe)])),
  as: ascii('._cfg0000_name'),
  oldAs: ascii('name.backup.0001'),
  stagedAs: ascii('-MERGING-name'),
  record: 4,
  type: 'directory',
  action: 'swap',
  ino: 2n ** 64n - 1n,
  placedIno: 2n ** 63n,
  size: 2 ** 53 - 1,
  entries: 1_000_000,
  old: { type: 'file', empty: false, ino: 2n ** 64n - 2n, mode: 0o7777, born: { sec: -1, nsec: 999_999_999 } },
  rung: 'of a package manager, / in its name',
  staging: 'made',
  undo: 'exchange',
};

describe('placements', () => {
  test('come back as they went in, in the order of their ranks', () => {
    const placements = new Placements();
    const late = { ...odd, name: ascii('late') };
    placements.add(late, 7);
    placements.add(plain, 3);
    placements.add(odd, 0);
    placements.add({ ...plain, old: { type: 'symlink', empty: false, ino: 9n, mode: 0o777 } }, 3);
    expect([...placements]).toEqual([
      odd,
      plain,
      { ...plain, old: { type: 'symlink', empty: false, ino: 9n, mode: 0o777 } },
      late,
    ]);
    expect(placements.at(3)).toEqual(late);
    expect(() => placements.at(4)).toThrow(RangeError);
  });

  test('that staging changed say so, and their neighbours do not', () => {
    const placements = new Placements();
    for (let count = 0; count < 3; count++) placements.add(plain);
    placements.revise(0, { undo: 'none', rung: 'rename' });
    placements.revise(1, { rung: 'copy', staging: 'made', placedIno: 8n });
    expect([...placements]).toEqual([
      plain,
      { ...plain, rung: 'copy', staging: 'made', placedIno: 8n, isRevised: true },
      plain,
    ]);
  });
});

test('a list that is longer than a block keeps its order when some are dropped', () => {
  const list = identicals();
  const entry = (number: number) => ({
    directory: number,
    name: ascii(`file-${number}`),
    ino: BigInt(number),
    mtime: { sec: -number, nsec: number },
    oldMtime: { sec: 2 ** 40 + number, nsec: 999_999_999 },
  });
  for (let number = 0; number < 5000; number++) expect(list.push(entry(number))).toBe(number);
  list.drop(new Set([0, 2500, 4999]));
  expect(list.length).toBe(4997);
  expect([list.at(0), list.at(2498), list.at(2499), list.at(4996)]).toEqual([1, 2499, 2501, 4998].map(entry));
  expect(list.push(entry(5000))).toBe(4997);
  expect([...list].at(-1)).toEqual(entry(5000));
});
