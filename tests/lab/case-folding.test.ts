/** Where names are found in any case a merge ends right, or is refused: on a file system in user space, and in a directory of ext4 where the kernel can do that. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import {
  compareTrees,
  directory,
  file,
  makeLoopFs,
  snapshotTree,
  type TemporaryDirectory,
  type TreeEntry,
  temporaryDirectory,
  unmount,
  writeTree,
} from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { type Needs, testWith } from '@emplace/fixtures/jest';
import { MergeError, mergeSync } from '@emplace/merge-core';
import { describe, expect } from '@jest/globals';
import { tell } from './table.ts';

interface Folding {
  readonly needs: Needs;
  /** Makes `root`, whose directory `d` folds case. */
  mount(root: string): Promise<AsyncDisposable>;
}

const FOLDING: Readonly<Record<string, Folding>> = {
  FUSE: {
    needs: { root: true },
    mount: async (root) => await mountFuse(root, { traits: { caseFold: true } }),
  },
  ext4: {
    needs: {
      root: true,
      tools: ['mkfs.ext4', 'chattr'],
      kernel: { option: 'CONFIG_UNICODE=y', shownBy: '/sys/fs/ext4/features/casefold' },
    },
    async mount(root) {
      makeLoopFs('ext4', 64, root, { mkfs: ['-O', 'casefold'] });
      writeTree(root, [directory('d')]);
      execFileSync('chattr', ['+F', `${root}/d`]);
      return { [Symbol.asyncDispose]: async () => unmount(root) };
    },
  },
};

describe.each(Object.entries(FOLDING))('on %s', (fileSystem, { needs, mount }) => {
  /** An image and a root with these files in `d`, merged. @returns the error, and how the root has changed */
  async function merged(work: TemporaryDirectory, image: readonly TreeEntry[], old: readonly TreeEntry[]) {
    const root = work.at('root');
    await using _mounted = await mount(root);
    writeTree(root, old);
    writeTree(work.make('image'), image);
    const before = snapshotTree(root);
    const names = (): string[][] =>
      readdirSync(`${root}/d`).map((name) => [name, readFileSync(`${root}/d/${name}`, 'utf8')]);
    try {
      mergeSync({ image: work.at('image'), root });
      return { code: undefined, names: names(), changed: compareTrees(before, snapshotTree(root)) };
    } catch (error) {
      if (!(error instanceof MergeError)) throw error;
      return { code: error.code, names: names(), changed: compareTrees(before, snapshotTree(root)) };
    }
  }

  testWith(needs, 'two names of an image that are one there are refused, and nothing is changed', async () => {
    using work = temporaryDirectory();
    process.env.NODE_COMPILE_CACHE = work.make('compiled');
    const found = await merged(work, [file('d/Both', 'upper'), file('d/both', 'lower')], [file('d/both', 'old')]);
    expect(found).toEqual({ code: 'IMAGE_COLLISION', names: [['both', 'old']], changed: [] });
    // The control: whoever writes both has one.
    await using _mounted = await mount(work.at('control'));
    writeTree(work.at('control'), [file('d/Both', 'upper')]);
    expect(() => writeTree(work.at('control'), [file('d/both', 'lower')])).toThrow('EEXIST');
    tell({ kind: 'two names that are one', fileSystem, tried: 1, old: 1, new: 0, controlFailed: 1 });
  });

  testWith(needs, 'a file takes the place of one whose name differs in case', async () => {
    using work = temporaryDirectory();
    process.env.NODE_COMPILE_CACHE = work.make('compiled');
    const { code, names } = await merged(work, [file('d/Readme', 'new')], [file('d/README', 'old')]);
    expect({ code, content: names.map(([, content]) => content) }).toEqual({ code: undefined, content: ['new'] });
  });
});
