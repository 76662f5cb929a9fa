/** A call of the mover's that never returns, wherever it is: the caller goes on, and later the root is one tree or the other (G10). */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { makeLoopFs, temporaryDirectory, unmount } from '@emplace/fixtures';
import { type FuseRule, mountFuse } from '@emplace/fixtures/fuse';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { merge } from '@emplace/merge-core';
import { describe, expect } from '@jest/globals';
import { gone, start, twoTrees } from './running.ts';

/** Which tree a root is, of those that {@link twoTrees} makes. */
function treeOf(root: string): string {
  expect(readdirSync(root)).toEqual(['d']);
  return [...new Set(['a', 'b', 'c'].map((name) => readFileSync(`${root}/d/${name}`, 'utf8')))].join(' and ');
}

/** Merges while something hangs. @returns how it ended, what it said, and the process that is left */
async function mergeStuck(image: string, root: string, ...more: readonly string[]) {
  const run = start(['merge', image, '--root', root, '--stall-timeout', '3', '--sync', 'none', ...more]);
  const { status, told } = await run.ended;
  const said = `${told}\n${await run.stdout}`;
  const pid = Number(/process (\d+) that waits for it cannot be killed \(state D/.exec(said)?.[1]);
  return { status, said, pid };
}

async function recoveredTree(root: string): Promise<string> {
  expect(await start(['recover', '--root', root]).ended).toMatchObject({ status: 0 });
  return treeOf(root);
}

describe('a local file system that is frozen, which nobody asks whether it answers,', () => {
  /** In which phase, the exit code, the call that is named, the tree in the end. */
  const moments = [
    ['before anything is done', undefined, 3, 'mkdir', ['old']],
    ['before it is staged', 'pre-stage', 5, '\\w+', ['old']],
    // Its last write may have been the commit record.
    ['before the commit point', 'pre-commit', 5, 'write', ['old', 'new']],
    ['when all is placed', 'post-commit', 5, '\\w+', ['new']],
    ['while the lock is given back', 'post-clean', 0, '\\w+', ['new']],
  ] as const;

  for (const [moment, phase, code, call, trees] of moments)
    testWith({ root: true, tools: ['fsfreeze'] }, `${moment}, hangs neither the merge nor its exit`, async () => {
      using work = temporaryDirectory();
      const [image] = twoTrees(work);
      const disk = work.at('disk');
      const freeze = (flag: string): number | null => spawnSync('fsfreeze', [flag, disk]).status;
      makeLoopFs('ext4', 32, disk);
      try {
        const root = `${disk}/root`;
        expect(spawnSync('cp', ['-a', work.at('root'), root]).status).toBe(0);
        if (phase === undefined) expect(freeze('-f')).toBe(0);
        const hook = phase === undefined ? [] : ['--hook', `${phase}=fsfreeze -f '${disk}'`];
        const { status, said, pid } = await mergeStuck(image, root, ...hook);
        expect({ said, status }).toMatchObject({ status: code });
        expect(said).toMatch(new RegExp(`${call} \`.*/root.*\` \\(ext4 on .*\\) did not return within \\d+ ms`));
        expect(said.includes('the lock was not given back')).toBe(code === 0);
        expect(freeze('-u')).toBe(0);
        await gone(pid);
        expect(trees).toContain(await recoveredTree(root));
      } finally {
        freeze('-u');
        unmount(disk);
      }
    });
});

describe('a served file system that stops answering just at', () => {
  const hold = (operation: FuseRule['operation'], path: string): FuseRule => ({ operation, path, answer: 'hold' });

  /** The request, the exit code, and the call that is named. */
  const taking = [
    ['MKDIR', '/root/.emplace', 'mkdir'],
    ['OPENDIR', '/root/.emplace', 'openDir'],
    ['CREATE', '/root/.emplace/lock', 'createFile'],
    ['CREATE', '/root/.emplace/owner', 'createFile'],
    ['MKDIR', '/root/.emplace/announced', 'mkdir'],
  ] as const;
  const givingBack = [
    ['RMDIR', '/root/.emplace/announced', 'rmdir'],
    ['UNLINK', '/root/.emplace/owner', 'unlink'],
    ['UNLINK', '/root/.emplace/lock', 'unlink'],
    ['RMDIR', '/root/.emplace', 'rmdir'],
  ] as const;
  const cases = [
    ...taking.map((one) => [...one, { code: 3, tree: 'old' }] as const),
    ...givingBack.map((one) => [...one, { code: 0, tree: 'new' }] as const),
  ];

  for (const [operation, path, call, { code, tree }] of cases)
    rootTest(`${operation} ${path} hangs only the process that asked`, async () => {
      using work = temporaryDirectory();
      await using fuse = await mountFuse(work.at('fuse'));
      const root = `${fuse.path}/root`;
      expect(spawnSync('cp', ['-a', '--', ...twoTrees(work), `${fuse.path}/`]).status).toBe(0);
      await fuse.rules([hold(operation, `^${path.replaceAll('.', '\\.')}$`)]);
      const { status, said, pid } = await mergeStuck(`${fuse.path}/image`, root);
      expect({ said, status }).toMatchObject({ status: code });
      expect(said).toContain(`${call} \`${fuse.path}${path}\` (fuse`);
      expect(said.includes('the lock was not given back')).toBe(code === 0);
      await fuse.rules([]);
      await fuse.release();
      await gone(pid);
      expect(await recoveredTree(root)).toBe(tree);
    });

  rootTest(
    'the last call of a lock, and answers again: what was killed is followed by one that gives it back',
    async () => {
      using work = temporaryDirectory();
      await using fuse = await mountFuse(work.at('fuse'));
      const [image, root] = [`${fuse.path}/image`, `${fuse.path}/root`];
      expect(spawnSync('cp', ['-a', '--', ...twoTrees(work), `${fuse.path}/`]).status).toBe(0);
      await fuse.rules([{ operation: 'UNLINK', path: '^/root/.emplace/owner$', answer: 'hold-interruptible' }]);
      const answers: Promise<void>[] = [];
      const movers: number[] = [];
      const report = await merge({
        image,
        root,
        sync: 'none',
        stallTimeoutMs: 3_000,
        onEvent: (event) => {
          if (event.type === 'waiting' && event.waiting.what.startsWith('unlink')) answers.push(fuse.rules([]));
          if (event.type === 'mover') movers.push(event.pid);
        },
      });
      await Promise.all(answers);
      expect(report).toMatchObject({ outcome: 'merged', warnings: [] });
      expect(movers.length).toBe(2);
      expect(treeOf(root)).toBe('new');
    },
  );
});
