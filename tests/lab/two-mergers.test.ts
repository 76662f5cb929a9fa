/** Eight processes merge, upgrade and unmerge the same packages on one root, some of them killed and some suspended: nobody sees a half of anybody's work. */
import { mkdirSync } from 'node:fs';
import { makeLoopFs, temporaryDirectory, unmount } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { MergeError, recover, verify } from '@emplace/merge-core';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { labSeed } from './seed.ts';
import { tell } from './table.ts';
import { type CrowdReport, crowd } from './two-mergers/crowd.ts';
import { notWhole } from './two-mergers/packages.ts';

const seed = labSeed();

/** Recovers once, and says all that is not whole then: as the packages should be, and as the database says. */
async function settled(place: string): Promise<string[]> {
  const root = `${place}/root`;
  try {
    await recover({ root, sync: 'none', inProcess: true, lockTimeoutMs: 30_000 });
    const { packages, problems } = await verify({ root });
    const found = packages.flatMap((one) =>
      [...one.findings, ...one.problems].map(({ path }) => `${one.package}: ${path}`),
    );
    return [...notWhole(root), ...found, ...problems.map(({ message }) => message)];
  } catch (error) {
    // That it could not be found out is no finding.
    if (!(error instanceof MergeError) || ['LOCKED', 'NO_SPACE'].includes(error.code)) throw error;
    return [error.message];
  }
}

describe('processes that merge the same packages on one root', () => {
  let work: ReturnType<typeof temporaryDirectory>;
  let controlFailed = false;

  beforeEach(() => {
    work = temporaryDirectory();
    process.env.NODE_COMPILE_CACHE = work.make('compiled');
    makeLoopFs('ext4', 256, work.at('fs'));
  });
  afterEach(() => {
    delete process.env.NODE_COMPILE_CACHE;
    unmount(work.at('fs'));
    work[Symbol.dispose]();
  });

  function place(name: string): string {
    const path = work.at(`fs/${name}`);
    for (const directory of ['root/var/db/pkg/lab', 'root/usr', 'images'])
      mkdirSync(`${path}/${directory}`, { recursive: true });
    return path;
  }

  rootTest("tear each other's work apart when every lock is told to be free: the control", async () => {
    for (let turn = 0; turn < 30 && !controlFailed; turn++) {
      const path = place(`control-${turn}`);
      await crowd({ place: path, members: 4, seed: seed + turn, ms: 2000, locks: 'unlocked', harassed: false });
      controlFailed = (await settled(path)).length > 0;
    }
    expect(controlFailed).toBe(true);
  });

  rootTest(
    'leave every package whole or absent and the database in agreement, however they are killed or suspended (G3, G5)',
    async () => {
      console.log(`seed ${seed}: EMPLACE_LAB_SEED=${seed} makes the same choices`);
      const path = place('all');
      const seen = ['merged', 'unmerged', 'MOVER_DIED'];
      const isEnough = (report: CrowdReport): boolean => seen.every((how) => report.ended.has(how));
      const long = { ms: 55_000, isEnough };
      const report = await crowd({ place: path, members: 8, seed, ...long, locks: 'locked', harassed: true });
      const { ended, messages, crashes, killed, suspended } = report;
      console.log({ ...Object.fromEntries(ended), killed, suspended });
      expect(crashes).toEqual([]);
      // What else an operation may end with: not in time, nothing to unmerge, or we killed who did it.
      const usual = ['merged', 'unmerged', 'recovered', 'rolled-back', 'nothing-to-recover'];
      const excused = ['LOCKED', 'NOT_INSTALLED', 'MOVER_DIED', 'MOVER_NOT_STARTED'];
      expect([...messages].filter(([code]) => !excused.includes(code))).toEqual([]);
      expect([...ended.keys()].filter((how) => ![...usual, ...excused].includes(how))).toEqual([]);
      expect(await settled(path)).toEqual([]);
      expect([...ended.keys()]).toEqual(expect.arrayContaining(seen));
      const count = (how: string): number => ended.get(how) ?? 0;
      tell({
        ...{ kind: 'two mergers', fileSystem: 'ext4', tried: killed.mergers + killed.movers + suspended },
        ...{ old: count('MOVER_DIED'), new: count('merged') + count('unmerged'), controlFailed: Number(controlFailed) },
      });
    },
  );
});
