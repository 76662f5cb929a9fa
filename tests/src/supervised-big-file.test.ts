/** One file that takes long: no safe point lies in it. */
import { readdirSync, writeFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
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
