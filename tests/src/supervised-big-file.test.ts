/** One file that takes long: no safe point lies in it. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { temporaryDirectory } from '@emplace/fixtures';
import { type FuseMount, mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { recover } from '@emplace/merge-core';
import { expect } from '@jest/globals';
import { gone, kill, start } from './running.ts';

const SIZE = 2 ** 25;
/** A mover looks no more often whether it is alone. */
const LOOK_MS = 50;
/** Between two pieces: in half of them a process on a machine under load hears of its signal. */
const PIECE_MS = 20;

/** A merge that waits in the middle of its one file. */
async function inTheMiddle(fuse: FuseMount, root: string) {
  const image = `${fuse.path}/image`;
  mkdirSync(image);
  writeFileSync(`${image}/big`, Buffer.alloc(SIZE, 'x'));
  await fuse.rules([{ operation: 'READ', path: '^/image/big$', answer: 'hold' }]);
  const run = start(['merge', image, '--root', root, '--sync', 'none']);
  await fuse.held(1);
  return run;
}

/** One piece after the other is read, as slowly as we are asked, until that is over. */
async function readOn(fuse: FuseMount, ended: Promise<unknown>): Promise<void> {
  let over = false;
  const end = ended.finally(() => {
    over = true;
  });
  while (!over) {
    await Promise.race([fuse.held(1), end]);
    await setTimeout(PIECE_MS);
    await fuse.release();
  }
  // The kernel asks for 128 KiB at once, with what it reads ahead.
  expect((await fuse.counts()).READ).toBeLessThan(SIZE / 2 ** 17 / 2);
}

rootTest(
  'a mover that is alone in the middle of a big file does not copy it to its end, and merges nothing (G1)',
  async () => {
    using work = temporaryDirectory();
    await using fuse = await mountFuse(work.at('fuse'));
    const run = await inTheMiddle(fuse, work.make('root'));
    const mover = await run.mover;
    kill(run.child.pid ?? 0, 'SIGKILL');
    await run.ended;
    // Held for longer than that it looks as soon as it goes on.
    await setTimeout(LOOK_MS);
    await readOn(fuse, gone(mover));
    expect(readdirSync(work.at('root'))).not.toContain('big');
    await recover({ root: work.at('root'), sync: 'none' });
    expect(readdirSync(work.at('root'))).toEqual([]);
  },
);

rootTest('a merge that is told to stop in the middle of a big file does not copy it to its end (G1)', async () => {
  using work = temporaryDirectory();
  await using fuse = await mountFuse(work.at('fuse'));
  const run = await inTheMiddle(fuse, work.make('root'));
  run.child.kill('SIGTERM');
  await readOn(fuse, run.ended);
  expect(await run.ended).toMatchObject({ status: 143 });
  expect(readdirSync(work.at('root'))).toEqual([]);
});
