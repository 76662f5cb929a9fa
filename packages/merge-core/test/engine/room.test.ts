/** What a merge needs of a file system is counted before anything changes: bytes without holes, inodes, staged names among them. */
import { thrown } from '@emplace/fixtures';
import { expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { MergeError, type MergeOptions, mergeSync } from '../../src/index.ts';
import { type Entry, IMAGE, ROOT, world } from './world.ts';

const BLOCK = 4096;
const options: MergeOptions = { image: IMAGE, root: ROOT, dryRun: true };
const content = 'x'.repeat(2 * BLOCK);

/** Everything in it takes room in another file system than the image's. */
const nested: readonly Entry[] = [
  { path: 'd', type: 'directory' },
  { path: 'd/one', content },
  { path: 'd/e', type: 'directory' },
  { path: 'd/e/two', content },
  { path: 'd/e/again', link: 'd/e/two' },
  { path: 'd/e/link', type: 'symlink' },
];

function apart(old: readonly Entry[], fresh: readonly Entry[]): MemoryPort {
  return world(old, fresh, { mounts: [{ path: '/root' }] });
}

const refused = (fs: MemoryPort): MergeError => thrown(MergeError, () => mergeSync({ ...options, fs }));

test('a directory that goes in as a whole needs what all directories below it need, each inode’s content once', () => {
  const fs = apart([], nested);
  fs.setRoom('/root', { inodesFree: 5 });
  expect(refused(fs)).toMatchObject({ code: 'NO_INODES', message: expect.stringContaining('5 inodes free of 6') });
  fs.setRoom('/root', { inodesFree: 6, bytesFree: 4 * BLOCK - 1 });
  expect(refused(fs)).toMatchObject({ code: 'NO_SPACE', message: expect.stringContaining(`of ${4 * BLOCK} needed`) });
  fs.setRoom('/root', { bytesFree: 4 * BLOCK });
  expect(mergeSync({ ...options, fs })).toMatchObject({ outcome: expect.any(String) });
});
