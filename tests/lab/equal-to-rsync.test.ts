import { spawnSync } from 'node:child_process';
import {
  bigTree,
  bindMount,
  compareTrees,
  makeLoopFs,
  mountTmpfs,
  overlay,
  rsyncOracle,
  snapshotTree,
  type TreeSnapshot,
  temporaryDirectory,
  unmount,
} from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { type MergeOptions, mergeSync } from '@emplace/merge-core';
import { describe, expect } from '@jest/globals';

const FILES = 20_000;

interface Case {
  readonly name: string;
  readonly options: Partial<MergeOptions>;
  /** The image lies on another mount than the root. */
  readonly across: boolean;
  /** Rungs that must have been used, and no others. */
  readonly rungs: readonly string[];
}

const cases: Readonly<Record<'ext4' | 'xfs', readonly Case[]>> = {
  ext4: [
    { name: 'rename', options: { strategy: 'rename' }, across: false, rungs: ['rename'] },
    { name: 'double-rename', options: { strategy: 'double-rename' }, across: false, rungs: ['double-rename'] },
    { name: 'hardlink', options: { strategy: 'hardlink', keepImage: true }, across: false, rungs: ['hardlink'] },
    { name: 'copy', options: { strategy: 'copy' }, across: false, rungs: ['copy'] },
    { name: 'copy', options: { strategy: 'copy' }, across: true, rungs: ['copy'] },
    { name: 'auto', options: {}, across: true, rungs: ['copy'] },
  ],
  xfs: [
    { name: 'reflink', options: { strategy: 'reflink' }, across: false, rungs: ['reflink'] },
    { name: 'reflink', options: { strategy: 'reflink' }, across: true, rungs: ['reflink'] },
    { name: 'auto', options: { replaceTypes: true }, across: false, rungs: ['rename'] },
  ],
};

/** All attributes, holes and hard links, on the same file system: cheaper than building the tree anew. */
function copyTree(from: string, to: string): void {
  const { status, stderr } = spawnSync('cp', ['-a', '--sparse=always', from, to], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

describe.each(['ext4', 'xfs'] as const)('on %s, 20,000 files of every kind merged over the version before', (kind) => {
  rootTest('equal what rsync -aHAXS --checksum makes of the new tree, whatever the strategy', () => {
    using work = temporaryDirectory();
    const disk = work.make('disk');
    const other = work.make('other');
    makeLoopFs(kind, 6144, disk);
    if (kind === 'ext4') mountTmpfs(other);
    else bindMount(disk, other);
    try {
      const directorySwaps = kind === 'xfs';
      bigTree(work.make('disk/old'), { files: FILES, version: 1, directorySwaps });
      bigTree(work.make('disk/new'), { files: FILES, version: 2, directorySwaps });
      rsyncOracle(work.at('disk/new'), work.make('disk/rsynced'));
      const old = snapshotTree(work.at('disk/old'));
      const expected = overlay(old, snapshotTree(work.at('disk/rsynced')));
      expect(old.size).toBeGreaterThan(FILES);
      for (const { name, options, across, rungs } of cases[kind]) {
        copyTree(work.at('disk/old'), work.at('disk/root'));
        const image = across ? work.at('other/image') : work.at('disk/image');
        copyTree(work.at('disk/new'), image);
        const report = mergeSync({
          image,
          root: work.at('disk/root'),
          directories: 'image',
          replaceTypes: directorySwaps,
          ...options,
        });
        const found = {
          name,
          across,
          rungs: Object.keys(report.strategies),
          differences: differences(expected, work.at('disk/root'), kind),
        };
        expect(found).toEqual({ name, across, rungs, differences: [] });
        spawnSync('rm', ['-rf', work.at('disk/root'), image]);
      }
    } finally {
      unmount(other);
      unmount(disk);
    }
  });
});

/** xfs preallocates as it likes behind what is written in pieces: holes of two copies differ there, whoever made them. */
function differences(expected: TreeSnapshot, root: string, kind: 'ext4' | 'xfs'): string[] {
  const attributes = kind === 'xfs' ? (['holes'] as const) : [];
  return compareTrees(expected, snapshotTree(root), { ignore: { paths: ['.'], attributes } }).slice(0, 40);
}
