/** One file that takes long: no safe point lies in it. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { recover } from '@emplace/merge-core';
import { expect, test } from '@jest/globals';
import { gone, kill, start } from './running.ts';

test('a mover that is alone in the middle of a big file does not copy it to its end, and merges nothing (G1)', async () => {
  using work = temporaryDirectory();
  work.make('image');
  work.make('root');
  writeFileSync(work.at('image/big'), Buffer.alloc(2 ** 29, 'x'));
  const run = start(['merge', work.at('image'), '--root', work.at('root'), '--strategy', 'copy', '--sync', 'none']);
  const staging = new Promise<void>((resolve) => {
    let events = '';
    run.child.stderr?.on('data', (chunk) => {
      events += chunk;
      if (events.includes('"phase":"stage"')) resolve();
    });
  });
  const mover = await run.mover;
  await staging;
  kill(run.child.pid ?? 0, 'SIGKILL');
  await gone(mover);
  expect(readdirSync(work.at('root'))).not.toContain('big');
  await recover({ root: work.at('root'), sync: 'none' });
  expect(readdirSync(work.at('root'))).toEqual([]);
});

rootTest('a merge that is told to stop in the middle of a big file does not copy it to its end (G1)', async () => {
  using work = temporaryDirectory();
  await using fuse = await mountFuse(work.at('fuse'));
  const image = `${fuse.path}/image`;
  mkdirSync(image);
  const size = 2 ** 25;
  writeFileSync(`${image}/big`, Buffer.alloc(size, 'x'));
  await fuse.rules([{ operation: 'READ', path: '^/image/big$', answer: 'hold' }]);
  const run = start(['merge', image, '--root', work.make('root'), '--sync', 'none']);
  let over = false;
  const ended = run.ended.finally(() => {
    over = true;
  });
  await fuse.held(1);
  run.child.kill('SIGTERM');
  // One piece after the other is read, as slowly as we are asked.
  while (!over) {
    await Promise.race([fuse.held(1), ended]);
    await fuse.release();
  }
  expect(await ended).toMatchObject({ status: 143 });
  expect(readdirSync(work.at('root'))).toEqual([]);
  // The kernel asks for 128 KiB at once, with what it reads ahead.
  expect((await fuse.counts()).READ).toBeLessThan(size / 2 ** 17 / 2);
});
