/** A package that goes by several threads: what they leave is what one leaves, and what fails in one leads back. */
import { chmodSync, linkSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import {
  compareTrees,
  directory,
  file,
  snapshotTree,
  symlink,
  type TemporaryDirectory,
  temporaryDirectory,
  thrown,
  writeTree,
} from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { expect } from '@jest/globals';
import { MergeError } from '../../src/errors.ts';
import { type MergeRequest, unmergeRequest } from '../../src/options.ts';
import { ALONE } from '../../src/threads/setup.ts';
import { balance, expectBalanced, forced, mergeBy, requestOf } from './merging.ts';

/** A package with files in many directories, one below the other, programs and links among them, is in the root. */
function install(work: TemporaryDirectory, root: string): string {
  const contents = `${root}/var/CONTENTS`;
  writeTree(work.make('image'), [
    directory('usr/deep'),
    ...Array.from({ length: 300 }, (_, i) =>
      file(`usr/deep/d${i % 7}/e${i % 31}/f${i}`, `content ${i}`, { mode: i % 3 === 0 ? 0o755 : 0o644 }),
    ),
    symlink('usr/deep/link', 'd0'),
    directory('shared'),
    file('shared/ours', 'ours'),
    file('usr/deep/d4/stubborn', 'of ours too'),
  ]);
  mkdirSync(`${root}/var`, { recursive: true });
  mergeBy(requestOf(work, false, { root, ledger: { contents, digests: ['md5'] } }));
  return contents;
}

function removalOf(root: string, contents: string, isShared: boolean): MergeRequest {
  const request = unmergeRequest({ root, ledger: { contents }, sync: 'none' });
  return { ...request, threads: isShared ? forced : ALONE };
}

rootTest('a package that goes by several threads leaves what one leaves: what others have', async () => {
  const left = async (isShared: boolean) => {
    using work = temporaryDirectory();
    const root = work.make('root');
    const contents = install(work, root);
    writeTree(
      root,
      ['shared/theirs', 'usr/deep/d3/theirs'].map((path) => file(path, 'theirs', { mtime: { sec: 5, nsec: 0 } })),
    );
    const kept = work.at('program-that-a-user-kept');
    chmodSync(`${root}/usr/deep/d0/e0/f0`, 0o4755);
    linkSync(`${root}/usr/deep/d0/e0/f0`, kept);
    // It would be refused for its setuid bit; that comes later.
    chmodSync(`${root}/usr/deep/d0/e0/f0`, 0o755);
    const before = balance();
    const { counts } = mergeBy(removalOf(root, contents, isShared));
    await expectBalanced(before);
    return { counts, tree: snapshotTree(root), mode: statSync(kept).mode };
  };
  const [alone, shared] = [await left(false), await left(true)];
  expect([...shared.tree.keys()].sort()).toEqual([...alone.tree.keys()].sort());
  expect(compareTrees(alone.tree, shared.tree, { ignore: { directoryMtimes: true } })).toEqual([]);
  expect([...shared.tree.keys()]).toEqual(expect.arrayContaining(['shared/theirs', 'usr/deep/d3/theirs']));
  expect([...shared.tree.keys()].filter((path) => /emplace|f\d|ours|stubborn/.test(path))).toEqual([]);
  expect([shared.counts, shared.mode]).toEqual([alone.counts, alone.mode]);
});

rootTest('a name that somebody takes while others go stays', () => {
  using work = temporaryDirectory();
  const root = work.make('root');
  const contents = install(work, root);
  const request = removalOf(root, contents, true);
  const [target, mine] = [`${root}/usr/deep/d1/e1/f1`, work.at('mine')];
  const warnings: string[] = [];
  const emit: MergeRequest['emit'] = (event) => {
    if (event.type === 'warning') warnings.push(event.warning.message);
    if (event.type !== 'phase' || event.phase !== 'commit') return;
    writeFileSync(mine, 'mine');
    renameSync(mine, target);
  };
  mergeBy({ ...request, emit });
  expect([...snapshotTree(root).keys()].filter((path) => /f\d|emplace/.test(path))).toEqual(['usr/deep/d1/e1/f1']);
  expect(warnings).toEqual([expect.stringContaining('`usr/deep/d1/e1/f1` was replaced by somebody')]);
});

rootTest('a name that cannot be taken away in a thread leads back to the whole package (G3)', async () => {
  using work = temporaryDirectory();
  await using fuse = await mountFuse(work.at('fuse'));
  const root = `${fuse.path}/root`;
  mkdirSync(root);
  const contents = install(work, root);
  const old = snapshotTree(root);
  const before = balance();
  await fuse.rules([{ operation: 'RENAME', path: 'stubborn', answer: 'EIO' }]);
  const error = thrown(MergeError, () => mergeBy(removalOf(root, contents, true)));
  await fuse.rules([]);
  expect(error).toMatchObject({ code: 'COMMIT_FAILED', outcome: 'rolled-back' });
  await expectBalanced(before);
  expect(compareTrees(old, snapshotTree(root), { ignore: { directoryMtimes: true } })).toEqual([]);
});
