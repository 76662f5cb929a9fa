import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bigTree, makeLoopFs, snapshotTree, type TreeSnapshot, temporaryDirectory, unmount } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { recoverSync } from '@emplace/merge-core';
import { describe, expect } from '@jest/globals';
import { differences, isNeither } from '../src/installed.ts';
import { tell } from './table.ts';

const child = fileURLToPath(new URL('../src/children/merge-until.ts', import.meta.url));
const SEED = 20_261_121;
const FILES = 1_000;

/** Runs a merge that kills itself before its n-th call. */
function merge(image: string, root: string, calls: string, options: object): ReturnType<typeof spawnSync> {
  const node = [
    '--conditions=@emplace/source',
    '--disable-warning=ExperimentalWarning',
    child,
    image,
    root,
    calls,
    JSON.stringify(options),
  ];
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  return spawnSync(process.execPath, node, { encoding: 'utf8', env: { PATH, NODE_COMPILE_CACHE } });
}

/** A tree with all attributes, quickly: the builder would take longer than the merge. */
function copyTree(from: string, to: string): void {
  expect(spawnSync('cp', ['-a', from, to]).status).toBe(0);
}

/** Recovers, by way of a rollback where that is asked for and not too late. @returns which tree it should be now */
function recovered(root: string, rollback: boolean, old: TreeSnapshot): 'old' | 'new' {
  try {
    recoverSync({ root, rollback, sync: 'none' });
  } catch (error) {
    expect(error).toMatchObject({ code: 'ROLLBACK_TOO_LATE' });
    recoverSync({ root, sync: 'none' });
    return 'new';
  }
  return differences(old, snapshotTree(root)).length === 0 ? 'old' : 'new';
}

/** So many more, until all was seen: with the number of calls all points change, and one in fifteen is in the commit. */
const MORE_MAX = 200;

/** Linear congruential: the same points in every run. */
function* points(total: number): Generator<number> {
  let state = SEED;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield 1 + (state % total);
  }
}

describe.each([
  { name: 'rename', options: {}, kills: 40 },
  { name: 'copy', options: { strategy: 'copy' }, kills: 30 },
  { name: 'exchange without links', options: { strategy: 'double-rename', hardlink: false }, kills: 30 },
])('a merge of 1,000 files by $name, killed by SIGKILL at $kills random calls', ({ name, options, kills }) => {
  rootTest('is recovered to exactly the old or exactly the new tree, and leaves nothing behind (G1, G3)', () => {
    using work = temporaryDirectory();
    process.env.NODE_COMPILE_CACHE = work.make('compiled');
    const place = work.make('fs');
    makeLoopFs('ext4', 2048, place);
    try {
      const at = (name: string): string => `${place}/${name}`;
      bigTree(work.make('fs/old'), { files: FILES, version: 1, seed: SEED });
      bigTree(work.make('fs/image'), { files: FILES, version: 2, seed: SEED });
      copyTree(at('old'), at('root'));
      // Of the copy: cp fills a hole where it takes the file for dense.
      const old = snapshotTree(at('root'));
      copyTree(at('image'), at('work-image'));
      const counted = merge(at('work-image'), at('root'), 'count', options);
      expect(counted.stderr).toBe('');
      const total = Number(counted.stdout);
      const fresh = snapshotTree(at('root'));
      let isOld = false;
      const seen = { old: 0, new: 0 };
      let half = 0;
      for (const point of points(total)) {
        const tried = seen.old + seen.new;
        if (tried >= kills && (Math.min(seen.old, seen.new, half) > 0 || tried === kills + MORE_MAX)) break;
        // A root that was found to be the old tree is as good as a fresh copy of it.
        if (!isOld) {
          spawnSync('rm', ['-rf', at('root')]);
          copyTree(at('old'), at('root'));
        }
        spawnSync('rm', ['-rf', at('work-image')]);
        copyTree(at('image'), at('work-image'));
        expect(merge(at('work-image'), at('root'), String(point), options).signal).toBe('SIGKILL');
        if (isNeither(snapshotTree(at('root')), old, fresh)) half++;
        const tree = recovered(at('root'), point % 3 === 0, old);
        const found = snapshotTree(at('root'));
        const wrong = differences(tree === 'old' ? old : fresh, found);
        // Of two lists of differences the shorter is the one to read.
        const other = wrong.length === 0 ? [] : differences(tree === 'old' ? fresh : old, found);
        expect({ point, wrong: (wrong.length < other.length ? wrong : other).slice(0, 9) }).toEqual({
          point,
          wrong: [],
        });
        seen[tree]++;
        isOld = tree === 'old';
      }
      expect(Math.min(seen.old, seen.new)).toBeGreaterThan(0);
      // Without recovery it would be neither.
      expect(half).toBeGreaterThan(0);
      tell({
        kind: `merge by ${name} killed`,
        fileSystem: 'ext4',
        tried: seen.old + seen.new,
        ...seen,
        controlFailed: half,
      });
    } finally {
      unmount(place);
    }
  });
});
