/** Go issue 22315: a program that was written a moment ago does not start, since a child that was forked meanwhile has it open. */
import { temporaryDirectory } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { expect, test } from '@jest/globals';
import { startFreshPrograms, startInOneProcess } from './fresh-programs.ts';
import { expectGivenBack, held } from './programs.ts';

/** As many as a full run wants: 10,000 take a minute and a half. */
const STARTS = Number(process.env.EMPLACE_TEST_HOOK_STARTS ?? 500);

test('(G7) hundreds of programs that a mover has just placed all start, while others write executables', async () => {
  const before = held();
  using place = temporaryDirectory();
  expect(await startFreshPrograms(STARTS, place)).toEqual({ starts: STARTS, busy: 0 });
  await expectGivenBack(before);
}, 600_000);

rootTest('control: where one process writes and starts programs, one is busy', async () => {
  using place = temporaryDirectory();
  expect(await startInOneProcess(place)).toBe('ETXTBSY');
});
