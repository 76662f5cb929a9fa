import { mkdirSync, symlinkSync } from 'node:fs';
import { bindMount, mountTmpfs, temporaryDirectory, unmount } from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { isServed } from '@emplace/fsprobe';
import { toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';

rootTest('every way into a served file system is known, and none of it is touched to know it', async () => {
  using work = temporaryDirectory();
  await using fuse = await mountFuse(work.at('ser\nved'));
  work.make('ser\nved/below');
  mkdirSync(work.at('dir'));
  symlinkSync('../ser\nved/below', work.at('dir/relative'));
  symlinkSync(work.at('dir/relative'), work.at('absolute'));
  symlinkSync('loop', work.at('loop'));
  bindMount(work.at('ser\nved/below'), work.make('bound'));
  mountTmpfs(work.make('covered'));
  bindMount(work.at('ser\nved/below'), work.make('covered/deep'));
  mountTmpfs(work.at('covered'));
  work.make('covered/deep');
  const before = await fuse.counts();
  const answers = Object.fromEntries(
    [
      ...['ser\nved', 'ser\nved/below/nothing', 'dir/relative', 'dir/relative/x', 'absolute', 'bound', 'dir/../bound/'],
      ...['ser\nved/../dir', 'dir', 'dir/nothing/../../bound', 'loop', 'covered/deep', 'ser', ''],
    ].map((path) => [path, isServed(toBytes(`${work.path}/${path}`))]),
  );
  const after = await fuse.counts();
  for (const name of ['covered', 'covered/deep', 'covered', 'bound']) unmount(work.at(name));
  expect(answers).toEqual({
    'ser\nved': true,
    'ser\nved/below/nothing': true,
    'dir/relative': true,
    'dir/relative/x': true,
    absolute: true,
    bound: true,
    'dir/../bound/': true,
    // The kernel goes through it.
    'ser\nved/../dir': true,
    dir: false,
    // It ends where nothing is.
    'dir/nothing/../../bound': false,
    loop: false,
    // Another mount hides the one that was bound there.
    'covered/deep': false,
    ser: false,
    '': false,
  });
  expect(after).toEqual(before);
});

test('the root of the system and what the kernel serves are not', () => {
  for (const path of ['/', '/proc/self/fd', '/proc/self/cwd'])
    expect([path, isServed(toBytes(path))]).toEqual([path, false]);
});
