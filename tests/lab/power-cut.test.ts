/** (G4) The power goes at any moment of what Emplace does: what was not flushed is lost, kept, or torn, and after `recover` the root is wholly old or wholly new. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import {
  directory,
  file,
  formatDisk,
  mountTmpfs,
  randomOf,
  type TreeSnapshot,
  temporaryDirectory,
  unmount,
  writeTree,
} from '@emplace/fixtures';
import { beforeCall } from '@emplace/fixtures/faults';
import { isRoot, testWith } from '@emplace/fixtures/jest';
import { linuxPort, MergeError, mergeSync } from '@emplace/merge-core';
import { SyscallError } from '@emplace/syscalls';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { installFirst } from '../src/package-versions.ts';
import { FILE_SYSTEMS } from './power-cut/file-systems.ts';
import { differences, Laboratory, type Recording } from './power-cut/laboratory.ts';
import {
  COMMANDS,
  type CutOperation,
  MERGE,
  OPERATIONS,
  RECOVER_COMMAND,
  recovery,
  UPGRADE,
} from './power-cut/operations.ts';
import { labSeed } from './seed.ts';
import { tell } from './table.ts';

const SEED = labSeed();
const CUTS = 40;
/** Until both trees were seen. */
const CUTS_MAX = 400;
const RECOVERIES = 8;
const NEEDS = { root: true, tools: ['mkfs.ext4', 'mkfs.xfs', 'mkfs.btrfs', 'perl'] };

/** By file system: how often the control, which syncs nothing, left a tree that is neither. */
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
    lab = new Laboratory(fileSystem, work.at('memory'), randomOf(SEED, FILE_SYSTEMS.indexOf(fileSystem)));
    base = lab.newDisk();
    formatDisk(fileSystem.kind, fileSystem.sizeMiB, base);
    lab.mounted(base, () => installFirst(lab.place));
    old = lab.lookAt(base);
  });
  afterAll(() => {
    if (!isRoot) return;
    unmount(work.at('memory'));
    work[Symbol.dispose]();
    tell({
      kind: 'power cut',
      fileSystem: fileSystem.name,
      tried: seen.old + seen.new,
      ...seen,
      controlFailed: lost.get(fileSystem.name) ?? 0,
    });
  });

  /** Recovers after a cut. @returns which whole tree is there, or what of it is neither */
  function look(disk: string, rollback: boolean, after: TreeSnapshot) {
    const found = lab.recover(disk, rollback);
    const [fromOld, fromNew] = [differences(old, found.tree), differences(after, found.tree)];
    // Of two lists of differences the shorter is the one to read.
    const wrong = fromOld.length < fromNew.length ? fromOld : fromNew;
    return { ...found, wrong, whole: fromOld.length === 0 ? ('old' as const) : ('new' as const) };
  }

  /** The same, where it has to be whole: what was decided or had returned, with a database that agrees. */
  function whole(recording: Recording, rollback: boolean, after: TreeSnapshot, operation: CutOperation): 'old' | 'new' {
    const cut = lab.cut(recording);
    const found = look(lab.afterCut(recording, cut), rollback, after);
    const undone = cut.moment < recording.returned ? [] : differences(recording.after, found.tree);
    const { owners, journal } = found;
    const told = {
      cut,
      rollback,
      journal,
      tree: found.whole,
      wrong: found.wrong.slice(0, 9),
      undone: undone.slice(0, 9),
    };
    expect(told).toEqual({ ...told, wrong: [], undone: [], tree: decided(journal, rollback) ?? found.whole });
    const [before = [], afterwards = before] = [['app-misc/app-1'], operation.owners];
    expect({ cut, owners }).toEqual({ cut, owners: found.whole === 'old' ? before : afterwards });
    return found.whole;
  }

  /** Which tree has to be there; undefined where no journal said it: nothing was begun, or all is done. */
  function decided(journal: readonly string[] | undefined, rollback: boolean): 'old' | 'new' | undefined {
    if (journal === undefined) return undefined;
    if (journal.includes('placed')) return 'new';
    return journal.includes('rollback') || !journal.includes('commit') || rollback ? 'old' : 'new';
  }

  /** Whether what is there after a cut is neither tree, or not even a journal that can be read. */
  function isLost(recording: Recording): boolean {
    try {
      return look(lab.afterCut(recording, lab.cut(recording)), false, recording.after).wrong.length > 0;
    } catch (error) {
      if (error instanceof MergeError) return true;
      throw error;
    }
  }

  // What processes do is no other on another file system: once is enough.
  const byCommand = fileSystem.name === 'ext4';

  for (const operation of byCommand ? [...OPERATIONS, ...COMMANDS] : OPERATIONS) {
    testWith(
      NEEDS,
      `${operation.name}: cut at ${CUTS} moments, it leaves all old or all new, and new once it has returned (G4)`,
      async () => {
        const recording = await lab.record(base, operation, 'full');
        const trees = { old: 0, new: 0 };
        // What is written when, and so where a cut falls, is the kernel's own.
        const isEnough = (): boolean => Math.min(trees.old, trees.new) > 0;
        for (let round = 0; round < CUTS || (!isEnough() && round < CUTS_MAX); round++)
          trees[whole(recording, round % 4 === 0, recording.after, operation)]++;
        expect(isEnough()).toBe(true);
        seen.old += trees.old;
        seen.new += trees.new;
      },
    );
  }

  testWith(
    NEEDS,
    'a recovery that is itself cut, and the next one too: then all is old or all new (G3, G4)',
    async () => {
      const upgrade = await lab.record(base, UPGRADE, 'full');
      for (let round = 0; round < RECOVERIES; round++) {
        let recording = upgrade;
        const interruptions: string[] = [];
        for (let turn = 0; turn < 2; turn++) {
          const interrupted = lab.afterCut(recording, lab.cut(recording));
          interruptions.push(interrupted);
          const next = byCommand && turn === round % 2 ? RECOVER_COMMAND : recovery(lab.random.chance(0.5));
          recording = await lab.record(interrupted, next, 'full');
          for (let cut = 0; cut < 3; cut++) seen[whole(recording, lab.random.chance(0.5), upgrade.after, UPGRADE)]++;
        }
        for (const disk of interruptions) rmSync(disk);
      }
    },
  );

  /** A root with `usr` on the disk that is cut, and what replaces a file in each part of it. */
  function twoParts(root: string): { readonly root: string; readonly image: string } {
    const image = `${root}-image`;
    mkdirSync(image);
    writeTree(root, [file('here', 'old'), file('usr/there', 'old'), file('usr/untouched', 'as it was')]);
    execFileSync('sync', ['--file-system', `${root}/usr`]);
    writeTree(image, [file('here', 'new'), directory('usr'), file('usr/there', 'new'), file('usr/more', 'new')]);
    return { root, image };
  }

  testWith(
    NEEDS,
    'of a root on two file systems, one that is behind when the journal is gone lacks nothing (G4)',
    async () => {
      const empty = lab.newDisk();
      formatDisk(fileSystem.kind, fileSystem.sizeMiB, empty);
      const [merged = new Map(), afterMerge = new Map()] = await lab.cutBelow(
        empty,
        (root) => void mergeSync(twoParts(root)),
      );
      expect(differences(merged, afterMerge)).toEqual([]);
      const [failed = new Map(), afterFailure = new Map()] = await lab.cutBelow(empty, (root, commit) => {
        const trees = twoParts(root);
        let syncs = 0;
        const fs = beforeCall(linuxPort(), (name) => {
          if (name !== 'syncfs' || ++syncs > 1) return;
          // All is staged, and by chance even durable: then it fails.
          commit();
          throw new SyscallError('EIO', 'syncfs', []);
        });
        expect(() => mergeSync({ ...trees, fs })).toThrow('EIO');
      });
      expect(differences(failed, afterFailure)).toEqual([]);
    },
  );

  for (const operation of byCommand ? [MERGE, ...COMMANDS.slice(0, 1)] : [MERGE])
    testWith(NEEDS, `control: without syncs ${operation.name} is cut at ${CUTS} moments`, async () => {
      const recording = await lab.record(base, operation, 'none');
      for (let round = 0; round < CUTS; round++) {
        if (isLost(recording)) lost.set(fileSystem.name, (lost.get(fileSystem.name) ?? 0) + 1);
      }
    });
});

testWith(NEEDS, 'without the syncs files are lost, or the cuts would prove nothing', () => {
  expect(lost.size).toBeGreaterThan(0);
});
