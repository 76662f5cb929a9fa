/** (G4) The power goes while `emplace config` settles updates: each protected file is the old one or the new one, and what is not all done still waits. */
import { rmSync } from 'node:fs';
import { formatDisk, mountTmpfs, randomOf, type TreeSnapshot, temporaryDirectory, unmount } from '@emplace/fixtures';
import { isRoot, testWith } from '@emplace/fixtures/jest';
import { linuxPort } from '@emplace/merge-core';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { neitherOf, SETTLINGS, settledDifferences, writeConfiguration } from './power-cut/configuration.ts';
import { FILE_SYSTEMS } from './power-cut/file-systems.ts';
import { Laboratory, type Recording } from './power-cut/laboratory.ts';
import type { CutOperation } from './power-cut/operations.ts';
import { labSeed } from './seed.ts';
import { tell } from './table.ts';

const SEED = labSeed();
const CUTS = 25;
/** All is settled once more after one cut of so many. */
const AGAIN = 5;
const NEEDS = { root: true, tools: ['mkfs.ext4', 'mkfs.xfs', 'mkfs.btrfs', 'perl'] };

/** How often the control, which syncs nothing, left a file that is neither. */
const lost = new Map<string, number>();

describe.each(FILE_SYSTEMS)(`$name (seed ${SEED})`, (fileSystem) => {
  const seen = { old: 0, new: 0 };
  let work: ReturnType<typeof temporaryDirectory>;
  let lab: Laboratory;
  let base: string;
  let old: TreeSnapshot;
  beforeAll(() => {
    if (!isRoot) return;
    work = temporaryDirectory();
    mountTmpfs(work.at('memory'));
    lab = new Laboratory(fileSystem, work.at('memory'), randomOf(SEED, 50, FILE_SYSTEMS.indexOf(fileSystem)));
    base = lab.newDisk();
    formatDisk(fileSystem.kind, fileSystem.sizeMiB, base);
    lab.mounted(base, () => writeConfiguration(`${lab.place}/root`));
    old = lab.lookAt(base);
  });
  afterAll(() => {
    if (!isRoot) return;
    unmount(work.at('memory'));
    work[Symbol.dispose]();
    const controlFailed = lost.get(fileSystem.name) ?? 0;
    const { name } = fileSystem;
    tell({ kind: 'power cut of emplace config', fileSystem: name, tried: seen.old + seen.new, ...seen, controlFailed });
  });

  /** What a cut left, and what it is once all is settled again. */
  function afterCut(recording: Recording, settling: CutOperation, again: boolean) {
    const cut = lab.cut(recording);
    const disk = lab.afterCut(recording, cut);
    try {
      return lab.mounted(disk, () => {
        const left = lab.look();
        if (again) settling.run(lab.place, { sync: 'none', fs: linuxPort() });
        return { cut, left, settled: again ? lab.look() : recording.after };
      });
    } finally {
      rmSync(disk);
    }
  }

  for (const settling of SETTLINGS) {
    testWith(
      NEEDS,
      `${settling.name}: cut at ${CUTS} moments, it leaves each file old or new, new once it has returned, and ends the same when it is run again (G4)`,
      async () => {
        const recording = await lab.record(base, settling, 'full');
        for (let round = 0; round < CUTS; round++) {
          const { cut, left, settled } = afterCut(recording, settling, round % AGAIN === 0);
          const undone = cut.moment < recording.returned ? [] : settledDifferences(recording.after, left);
          const found = { cut, neither: neitherOf(left, old, recording.after), undone };
          expect(found).toEqual({ cut, neither: [], undone: [] });
          expect({ cut, differences: settledDifferences(recording.after, settled) }).toEqual({ cut, differences: [] });
          seen[settledDifferences(recording.after, left).length === 0 ? 'new' : 'old']++;
        }
      },
    );

    testWith(NEEDS, `control: without syncs ${settling.name} is cut at ${CUTS} moments`, async () => {
      const recording = await lab.record(base, settling, 'none');
      for (let round = 0; round < CUTS; round++) {
        const left = lab.lookAt(lab.afterCut(recording, lab.cut(recording)));
        if (neitherOf(left, old, recording.after).length > 0)
          lost.set(fileSystem.name, (lost.get(fileSystem.name) ?? 0) + 1);
      }
    });
  }
});

testWith(NEEDS, 'without the syncs files are lost, or the cuts would prove nothing', () => {
  expect(lost.size).toBeGreaterThan(0);
});
