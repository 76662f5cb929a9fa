/** What several threads make is what one makes. */
import { readFileSync } from 'node:fs';
import {
  bigTree,
  compareTrees,
  file,
  hardLink,
  snapshotTree,
  symlink,
  type TemporaryDirectory,
  temporaryDirectory,
  writeTree,
} from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import type { Bytes } from '@emplace/syscalls';
import { describe, expect } from '@jest/globals';
import type { MergeOptions } from '../../src/options.ts';
import { balance, expectBalanced, mergeBy, requestOf } from './merging.ts';

/** The second version of a big tree is merged over the first. */
function upgraded(work: TemporaryDirectory, isShared: boolean, more: Partial<MergeOptions>) {
  bigTree(work.make('image'), { version: 2, files: 400 });
  bigTree(work.make('root'), { version: 1, files: 400 });
  const old = snapshotTree(work.at('root'));
  const { counts, strategies } = mergeBy(requestOf(work, isShared, more));
  return { old, counts, strategies, root: snapshotTree(work.at('root')), image: snapshotTree(work.at('image')) };
}

describe('several threads make the tree and the report that one makes', () => {
  const ways = [
    ['renamed', {}],
    ['copied', { strategy: 'copy' }],
    ['copied without links', { strategy: 'copy', hardlink: false }],
    ['linked', { strategy: 'hardlink' }],
    ['renamed in two steps', { strategy: 'double-rename' }],
    ['copied, and the image stays', { strategy: 'copy', keepImage: true }],
  ] as const;

  for (const [name, options] of ways)
    rootTest(`when entries are ${name}`, async () => {
      using one = temporaryDirectory();
      using more = temporaryDirectory();
      const before = balance();
      const { old, ...alone } = upgraded(one, false, options);
      const { old: _, ...shared } = upgraded(more, true, options);
      const directoryMtimes = (path: Bytes): boolean => old.has(path);
      expect(compareTrees(alone.root, shared.root, { ignore: { directoryMtimes } })).toEqual([]);
      expect(compareTrees(alone.image, shared.image, { ignore: { directoryMtimes: true } })).toEqual([]);
      expect([shared.counts, shared.strategies]).toEqual([alone.counts, alone.strategies]);
      await expectBalanced(before);
    });
});

describe.each([
  ['on the same mount', {}],
  ['when entries are copied', { strategy: 'copy', keepImage: true }],
] as const)('%s several threads record what one records', (_, options) => {
  rootTest('names of one inode and extended attributes among it', async () => {
    const recorded = (isShared: boolean): string => {
      using work = temporaryDirectory();
      const mtime = { sec: 1_700_000_000, nsec: 0 };
      const entries = Array.from({ length: 300 }, (_, i) => `d${i % 17}/f${i}`);
      writeTree(work.make('image'), [
        ...entries.map((path, i) =>
          file(path, `content ${i}`.repeat(i), { mtime, xattrs: { 'user.n': Buffer.from(`${i}`) } }),
        ),
        ...entries.slice(0, 20).map((path) => hardLink(`${path}-too`, path)),
        symlink('link', 'd0', { mtime }),
      ]);
      work.make('root/var');
      const ledger = { contents: work.at('root/var/CONTENTS'), digests: ['md5', 'sha256'] } as const;
      mergeBy(requestOf(work, isShared, { ...options, ledger }));
      return readFileSync(work.at('root/var/CONTENTS'), 'latin1');
    };
    const contents = recorded(true);
    expect(contents.split('\n').filter((line) => line.startsWith('obj'))).toHaveLength(320);
    expect(contents).toBe(recorded(false));
  });
});
