/** Whatever call of a real merge fails, and how: what was opened, started and named for it is given back. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { snapshotTree, temporaryDirectory } from '@emplace/fixtures';
import { type FuseMount, type FuseRule, mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { linuxPort, type MergeError, type MergeReport, merge, recover } from '@emplace/merge-core';
import { expect } from '@jest/globals';
import { twoTrees } from '../src/running.ts';
import { closeOpenedSince, openDescriptors } from './every-call/descriptors.ts';
import { placeOneByOne } from './every-call/one-by-one.ts';
import { tell } from './table.ts';

/** What a mover asks of a file system, and how many of each are let through: while it locks, plans, stages, commits, rolls back, cleans up, gives back. */
const cases: readonly (readonly [FuseRule['operation'], ...skips: number[]])[] = [
  ['OPENDIR', 0, 1],
  ['MKDIR', 1],
  ['CREATE', 0, 1, 4],
  ['WRITE', 0, 3],
  ['LINK', 0],
  ['RENAME', 1, 3],
  ['UNLINK', 0, 4],
  ['RMDIR', 0],
];
const errnos = ['ENOSPC', 'EIO', 'EACCES'] as const;

/** Where a merge works: not at the top, where it is asked before whether the file system answers. */
const WORKED_ON = '^/(root/\\.emplace(/|$)|root/d|image/d)';

/** Names of what this process has open, and its children. */
function held(): { readonly open: readonly string[]; readonly children: string } {
  const open = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // That of the listing itself.
      return [];
    }
  });
  return { open: open.sort(), children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8') };
}

/** The control: who merges one by one leaves open what was open when a call failed, and half a tree. */
async function halfDone(fuse: FuseMount, trees: readonly string[]): Promise<void> {
  const [image, root] = bringAnew(fuse, trees);
  const before = openDescriptors();
  await fuse.rules([{ operation: 'RENAME', path: WORKED_ON, skip: 1, answer: 'EIO' }]);
  expect(() => placeOneByOne({ image, root }, linuxPort())).toThrow('EIO');
  await fuse.rules([]);
  expect(closeOpenedSince(before).length).toBeGreaterThan(0);
  expect(new Set(['a', 'b', 'c'].map((name) => readFileSync(`${root}/d/${name}`, 'utf8')))).toEqual(
    new Set(['old', 'new']),
  );
}

/** @returns image and root */
function bringAnew(fuse: FuseMount, trees: readonly string[]): readonly [image: string, root: string] {
  const [image, root] = [`${fuse.path}/image`, `${fuse.path}/root`];
  expect(spawnSync('rm', ['-rf', image, root]).status).toBe(0);
  expect(spawnSync('cp', ['-a', '--', ...trees, `${fuse.path}/`]).status).toBe(0);
  return [image, root];
}

/** Names alone: a directory's time changes with what came and went. */
function names(fuse: FuseMount): string[] {
  return ['root', 'image'].flatMap((tree) =>
    [...snapshotTree(`${fuse.path}/${tree}`).keys()].map((name) => `${tree}/${name}`),
  );
}

rootTest(
  'a merge on a file system whose k-th call of some kind fails, and all after it, leaves nothing behind',
  async () => {
    using work = temporaryDirectory();
    process.env.NODE_COMPILE_CACHE = work.make('compiled');
    await using fuse = await mountFuse(work.at('fuse'));
    const trees = twoTrees(work);
    const seen = { tried: 0, old: 0, new: 0 };
    const outcomes = new Set<string>();
    for (const [i, [operation, ...skips]] of cases.entries())
      for (const [j, skip] of skips.entries()) {
        const [image, root] = bringAnew(fuse, trees);
        const [before, whole] = [held(), names(fuse)];
        const rule: FuseRule = { operation, path: WORKED_ON, skip, answer: errnos[(i + j) % errnos.length] as string };
        await fuse.rules([rule]);
        const ended: MergeReport | MergeError = await merge({ image, root, sync: 'none' }).catch((error) => error);
        await fuse.rules([]);
        expect({ rule, ended, outcome: ended.outcome }).toMatchObject({ outcome: expect.any(String) });
        // What was destroyed is closed when the event loop has turned.
        for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate);
        expect({ rule, ended, ...held() }).toMatchObject({ rule, ...before });
        // What could not be removed, be it only of the lock, was told; and goes now.
        if (ended.outcome === 'incomplete' || 'warnings' in ended) await recover({ root, sync: 'none' });
        const tree = readFileSync(`${root}/d/c`, 'utf8') as 'old' | 'new';
        if (ended.outcome !== 'incomplete') expect({ rule, ended, tree }).toMatchObject({ tree: treeOf(ended) });
        // Of the image a merge takes what it placed.
        const kept = (name: string): boolean => tree === 'old' || name.startsWith('root/');
        expect({ rule, ended, names: names(fuse).filter(kept) }).toMatchObject({ names: whole.filter(kept) });
        outcomes.add(ended.outcome);
        seen.tried++;
        seen[tree]++;
      }
    // Each kind of end was among them.
    expect([...outcomes].sort()).toEqual(['incomplete', 'merged', 'refused', 'rolled-back']);
    await halfDone(fuse, trees);
    tell({ kind: 'a call of a merge and all after it fail', fileSystem: 'FUSE', ...seen, controlFailed: 1 });
  },
  300_000,
);

function treeOf({ outcome }: MergeReport | MergeError): 'old' | 'new' {
  return outcome === 'merged' ? 'new' : 'old';
}
