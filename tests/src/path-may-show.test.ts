/** Where a merge cannot but show a path of its own to who runs an old program, it says beforehand who that is (G9). */
import { copyFileSync, linkSync, readlinkSync } from 'node:fs';
import { file, mountTmpfs, type TemporaryDirectory, temporaryDirectory, unmount, writeTree } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { type MergeOptions, mergeSync, type Warning } from '@emplace/merge-core';
import { expect } from '@jest/globals';
import { CAT, startWaiting, type Waiting } from '../../packages/fsprobe/test/processes/children.ts';

const NAME = 'to\nol';

/**
 * A root with a program of two names of which the image brings one, one of a single name that the image brings too, and
 * a copy of both that nobody replaces.
 */
function scene(): TemporaryDirectory {
  const work = temporaryDirectory();
  mountTmpfs(work.make('disk'));
  work.make('disk/root/bin');
  for (const name of [NAME, 'single', 'copy']) copyFileSync(CAT, work.at(`disk/root/bin/${name}`));
  linkSync(work.at(`disk/root/bin/${NAME}`), work.at('disk/root/bin/second'));
  writeTree(work.make('disk/image'), [
    file(`bin/${NAME}`, 'new', { mode: 0o755 }),
    file('bin/single', 'new', { mode: 0o755 }),
  ]);
  const dispose = (): void => {
    unmount(work.at('disk'));
    work[Symbol.dispose]();
  };
  return { ...work, [Symbol.dispose]: dispose };
}

/** What it warns of that a process may show. */
function warnings(work: TemporaryDirectory, options: Partial<MergeOptions>): readonly Warning[] {
  const report = mergeSync({ image: work.at('disk/image'), root: work.at('disk/root'), hardlink: false, ...options });
  return report.warnings.filter(({ code }) => code === 'PATH_MAY_SHOW');
}

function pathShown({ pid }: Waiting): string {
  return readlinkSync(`/proc/${pid}/exe`);
}

rootTest('each process that runs a program with hard links is named before it shows a path of the merge', async () => {
  using work = scene();
  const bin = work.at('disk/root/bin');
  await using first = await startWaiting(`${bin}/${NAME}`);
  await using second = await startWaiting(`${bin}/second`);
  await using single = await startWaiting(`${bin}/single`);
  await using copy = await startWaiting(`${bin}/copy`);

  const planned = warnings(work, { dryRun: true });
  expect(planned).toMatchObject([{ path: `bin/${NAME}` }]);
  const [, holders = ''] = planned[0]?.message.split('; held by ') ?? [];
  expect(holders.split(', ').sort()).toEqual([`second (pid ${second.pid})`, `to\\x0aol (pid ${first.pid})`]);

  expect(warnings(work, {})).toEqual(planned);
  expect(pathShown(first)).toMatch(/\/bin\/\..*emplace-.* \(deleted\)$/s);
  const others = [second, single, copy].map(pathShown);
  expect(others).toEqual([`${bin}/second`, `${bin}/single (deleted)`, `${bin}/copy`]);
});

rootTest('of a program with hard links that has ended it is said that nobody holds it', async () => {
  using work = scene();
  const ended = await startWaiting(work.at(`disk/root/bin/${NAME}`));
  await ended.finish();
  expect(warnings(work, {})).toMatchObject([{ message: expect.stringMatching(/; no process holds it now$/) }]);
});
