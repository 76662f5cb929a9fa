/** An image in which something is mounted: names of one inode come into the root by several strategies. */
import { expect, test } from '@jest/globals';
import { mergeSync } from '../../src/index.ts';
import { contentsOf, directory, packageOptions, packageWorld } from './package-world.ts';

test.each([
  ['a', 'b'],
  ['b', 'a'],
])(
  'hard links of which some are made by a strategy that reads nothing are recorded all: %s is mounted as %s',
  (from, to) => {
    const files = [
      { path: `${from}/f`, content: 'f' },
      { path: `${from}/g`, link: `${from}/f` },
    ];
    const fs = packageWorld({ 1: [directory('a'), directory('b'), ...files] }, [], { clone: false });
    fs.mount({ path: `/1/${to}`, bind: `/1/${from}` });
    mergeSync({ ...packageOptions(fs, '1', '1'), keepImage: true });
    expect(contentsOf(fs, '1')).toEqual(['dir /a', 'obj /a/f', 'obj /a/g', 'dir /b', 'obj /b/f', 'obj /b/g']);
  },
);
