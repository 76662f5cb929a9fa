/** An upgrade and an unmerge in two processes of which either is killed at any moment: files and database are wholly old or wholly new. */
import { rootTest } from '@emplace/fixtures/jest';
import { expect } from '@jest/globals';
import { Disk, twoLanes } from '../src/installed.ts';
import { killAtMoments } from '../src/killed-processes.ts';
import { tell } from './table.ts';

for (const [operation, rounds] of [
  ['merge', 200],
  ['unmerge', 50],
] as const)
  rootTest(
    `${operation}d with either process killed at ${rounds} moments, then recovered: files and database are old or new (G1, G3)`,
    async () => {
      using disk = new Disk();
      const seen = await killAtMoments(twoLanes(disk), operation, rounds);
      expect(seen.old + seen.new).toBe(rounds);
      expect(Math.min(seen.old, seen.new)).toBeGreaterThan(0);
      // Without recovery it would be neither.
      expect(seen.half).toBeGreaterThan(0);
      tell({
        kind: `either process of ${operation} killed`,
        fileSystem: 'ext4',
        tried: rounds,
        old: seen.old,
        new: seen.new,
        controlFailed: seen.half,
      });
    },
  );
