/** An upgrade and an unmerge in two processes of which either is killed at any moment: files and database are wholly old or wholly new. */
import { sparseFile, type TreeEntry } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { expect } from '@jest/globals';
import { Disk, twoLanes } from '../src/installed.ts';
import { killAtMoments } from '../src/killed-processes.ts';
import { versionEntries } from '../src/package-versions.ts';
import { tell } from './table.ts';

/** So many more until all was seen: one in ten to forty leaves half a tree. */
const MORE_MAX = 300;
const TIMEOUT_MS = 900_000;

const BIG_FILES = 12;
const BIG_BYTES = 3 * 1024 * 1024;

/** So many bytes that the mover starts threads, and hardly any blocks. */
function withBigFiles(version: 1 | 2): TreeEntry[] {
  const content = Buffer.from(`${version}`);
  const big = (n: number): TreeEntry => sparseFile(`usr/lib/big ${n}`, BIG_BYTES, [{ at: 0, bytes: content }]);
  return [...versionEntries(version), ...Array.from({ length: BIG_FILES }, (_, n) => big(n))];
}

for (const [name, operation, rounds, how] of [
  ['merge', 'merge', 200, {}],
  ['merge by copy in several threads', 'merge', 30, { strategy: 'copy', entriesOf: withBigFiles }],
  ['unmerge', 'unmerge', 50, {}],
] as const)
  rootTest(
    `${name}: either process is killed at ${rounds} moments, then recovered files and database are old or new (G1, G3)`,
    async () => {
      using disk = new Disk();
      const wanted = ['old', 'new', 'half'] as const;
      const seen = await killAtMoments(twoLanes(disk, how), operation, rounds, wanted, rounds + MORE_MAX);
      const tried = seen.old + seen.new;
      expect(tried).toBeGreaterThanOrEqual(rounds);
      expect(Math.min(seen.old, seen.new)).toBeGreaterThan(0);
      // Without recovery it would be neither.
      expect(seen.half).toBeGreaterThan(0);
      tell({
        kind: `either process of ${name} killed`,
        fileSystem: 'ext4',
        tried,
        old: seen.old,
        new: seen.new,
        controlFailed: seen.half,
      });
    },
    TIMEOUT_MS,
  );
