import type { FsPort } from '@emplace/fsprobe';
import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { memoryPort } from '../../src/fs/memory.ts';
import { mergeSync, recoverSync } from '../../src/index.ts';
import { STATE_DIRECTORY } from '../../src/state.ts';
import { build, picture } from './world.ts';

/** Another merge that ends as ours looks for its state directory: it is gone each time before it is opened, `times` times. */
function endingMerge(fs: FsPort, times: number): FsPort {
  let left = times;
  const root = fs.openRoot(ascii('/root'));
  fs.mkdir(root, STATE_DIRECTORY, 0o700);
  return {
    ...fs,
    openDir(at, path) {
      if (path === STATE_DIRECTORY && left > 0) {
        left--;
        fs.rmdir(root, STATE_DIRECTORY);
      }
      return fs.openDir(at, path);
    },
  };
}

function world() {
  const fs = memoryPort();
  const top = fs.openRoot(ascii('/'));
  for (const name of ['image', 'root']) fs.mkdir(top, ascii(name), 0o755);
  fs.closeDir(top);
  build(fs, ascii('/image'), [{ path: 'a', content: 'new' }]);
  return fs;
}

test('a merge that begins as another one ends gets the lock', () => {
  const fs = world();
  expect(mergeSync({ image: '/image', root: '/root', fs: endingMerge(fs, 1) }).outcome).toBe('merged');
  expect(picture(fs, ascii('/root'))).toEqual([expect.stringContaining('"new"')]);
});

test('a recovery that begins as another one ends finds nothing to do', () => {
  const fs = world();
  expect(recoverSync({ root: '/root', fs: endingMerge(fs, 1) }).outcome).toBe('nothing-to-recover');
});
