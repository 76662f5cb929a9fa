/**
 * A user owns directories of a root, or the root itself, and for a minute does there what harms most while root merges, upgrades,
 * unmerges and recovers over them: swaps directories for symlinks, moves them, plants names and hard links, fills the disk.
 */
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  compareTrees,
  makeLoopFs,
  mountTmpfs,
  removeTree,
  snapshotTree,
  type TreeSnapshot,
  temporaryDirectory,
  USER,
  unmount,
  writeTree,
} from '@emplace/fixtures';
import { isRoot, testWith } from '@emplace/fixtures/jest';
import { MergeError, mergeSync, recoverSync, verify } from '@emplace/merge-core';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { compileNeighbour, type Race, type RaceReport, race } from './hostile-neighbours/race.ts';
import { survivors } from './hostile-neighbours/setuid.ts';
import { imageEntries, makeWorld, type World } from './hostile-neighbours/world.ts';
import { labSeed } from './seed.ts';
import { tell } from './table.ts';

const seed = labSeed();
const needs = { root: true, tools: ['gcc'] };
/** Some seconds do, of a machine of its own. */
const CONTROL_MAX_MS = 180_000;

/** A world, and what of it nobody may change. */
class Arena implements Disposable {
  readonly place: string;
  readonly fileSystem: string;
  readonly ownsRoot: boolean;
  readonly world: World;
  readonly #outside: TreeSnapshot;
  readonly #etc: TreeSnapshot;

  constructor(place: string, fileSystem: 'ext4' | 'tmpfs', ownsRoot: boolean) {
    if (fileSystem === 'ext4') makeLoopFs('ext4', 24, place);
    else mountTmpfs(place, 'mode=0755,size=24m');
    [this.place, this.fileSystem, this.ownsRoot] = [place, fileSystem, ownsRoot];
    this.world = makeWorld(place, ownsRoot ? USER : 0);
    this.#outside = snapshotTree(this.world.outside);
    this.#etc = snapshotTree(`${this.world.root}/etc`);
  }

  /** Bytes and attributes beside the root that are not what they were; that a user made a hard link is not counted. */
  touchedOutside(): string[] {
    return compareTrees(this.#outside, snapshotTree(this.world.outside));
  }

  /** The same of what belongs to root in the root. */
  touchedInside(): string[] {
    return compareTrees(this.#etc, snapshotTree(`${this.world.root}/etc`));
  }

  async race(program: string, how: Pick<Race, 'how' | 'ms' | 'isOver'>): Promise<RaceReport> {
    const { place, world, ownsRoot } = this;
    return await race({ program, place, world, ownsRoot, seed: seed + (ownsRoot ? 500 : 0), ...how });
  }

  [Symbol.dispose](): void {
    unmount(this.place);
  }
}

function timesHarmed({ harm }: RaceReport): number {
  return Object.values(harm).reduce((sum, times) => sum + times, 0);
}

function isRecovered(root: string): boolean {
  try {
    recoverSync({ root, sync: 'none' });
    return true;
  } catch (error) {
    if (error instanceof MergeError) return false;
    throw error;
  }
}

describe('while a user does harm in directories of his', () => {
  let work: ReturnType<typeof temporaryDirectory>;
  const arenas = new Map<string, { arena: Arena; report: RaceReport }>();
  const lost = { touched: false, kept: false };

  beforeAll(async () => {
    if (!isRoot) return;
    work = temporaryDirectory();
    // The user has to get there.
    for (const path of [dirname(work.path), work.path]) chmodSync(path, 0o711);
    process.env.NODE_COMPILE_CACHE = work.make('compiled');
    const program = work.at('neighbour');
    compileNeighbour(program);
    console.log(`seed ${seed}`);
    {
      using arena = new Arena(work.at('control'), 'tmpfs', false);
      const isTouched = (): boolean => arena.touchedOutside().length > 0;
      const isOver = ({ kept }: RaceReport): boolean => isTouched() && kept.length > 0;
      const { kept } = await arena.race(program, { how: 'plain', ms: CONTROL_MAX_MS, isOver });
      Object.assign(lost, { touched: isTouched(), kept: kept.length > 0 });
    }
    const places = [
      { name: 'directories on ext4', arena: new Arena(work.at('ext4'), 'ext4', false) },
      { name: 'the root itself on tmpfs', arena: new Arena(work.at('tmpfs'), 'tmpfs', true) },
    ];
    const reports = await Promise.all(places.map(({ arena }) => arena.race(program, { how: 'engine', ms: 60_000 })));
    for (const [index, { name, arena }] of places.entries())
      arenas.set(name, { arena, report: reports[index] as RaceReport });
  }, 600_000);
  afterAll(() => {
    if (!isRoot) return;
    delete process.env.NODE_COMPILE_CACHE;
    for (const { arena } of arenas.values()) arena[Symbol.dispose]();
    work[Symbol.dispose]();
  });

  testWith(
    needs,
    'who merges by plain paths writes outside of the root, and leaves setuid programs behind: the control',
    () => {
      expect(lost).toEqual({ touched: true, kept: true });
    },
  );

  for (const name of ['directories on ext4', 'the root itself on tmpfs']) {
    describe(name, () => {
      const found = (): { arena: Arena; report: RaceReport } =>
        arenas.get(name) as { arena: Arena; report: RaceReport };

      testWith(needs, 'nothing outside of the root is touched (G6)', () => {
        expect(found().arena.touchedOutside()).toEqual([]);
      });

      testWith(needs, 'every failure is an error that says what it is, and merges get through all the same', () => {
        const { report } = found();
        console.log(
          name,
          Object.fromEntries(report.ended),
          Object.fromEntries(report.messages),
          report.harm,
          report.killed,
        );
        expect(report.crashes).toEqual([]);
        for (const how of ['merged', 'STAGE_FAILED']) expect(report.ended.get(how) ?? 0).toBeGreaterThan(0);
        expect(timesHarmed(report)).toBeGreaterThan(1000);
      });
    });
  }

  testWith(needs, 'nothing is written where his links lead inside the root (G6)', () => {
    // Whoever owns the root directory itself can give `etc` any other name.
    expect(arenas.get('directories on ext4')?.arena.touchedInside()).toEqual([]);
  });

  testWith(
    needs,
    'a setuid program that was replaced or removed is setuid no more, whoever holds a hard link to it (G6)',
    () => {
      expect(arenas.get('directories on ext4')?.report.kept).toEqual([]);
    },
  );

  testWith(needs, 'when he is gone and his directories are cleaned, the next merge goes in whole', async () => {
    for (const { arena, report } of arenas.values()) {
      const { root, private: own } = arena.world;
      expect(survivors(arena.world)).toEqual([]);
      // Whoever owns the root itself can have put anything under any of its names.
      for (const name of arena.ownsRoot ? readdirSync(root) : ['srv']) removeTree(`${root}/${name}`);
      // What waits to be recovered may have lost too much to him: then all that is left of it is a journal.
      if (!isRecovered(root)) removeTree(`${root}/.emplace`);
      mkdirSync(`${own}/last`);
      writeTree(`${own}/last`, imageEntries(4));
      const ledger = { package: 'app-misc/app-4', slot: '0' };
      mergeSync({ root, image: `${own}/last`, sync: 'none', replaceTypes: true, ledger });
      const { isWhole, packages } = await verify({ root });
      expect({ isWhole, packages }).toMatchObject({ isWhole: true, packages: [{ package: 'app-misc/app-4' }] });
      tell({
        kind: 'hostile neighbours',
        fileSystem: arena.fileSystem,
        tried: timesHarmed(report) + report.killed,
        old: [...report.ended].reduce((sum, [how, times]) => (/^[A-Z]/.test(how) ? sum + times : sum), 0),
        new: (report.ended.get('merged') ?? 0) + (report.ended.get('unmerged') ?? 0),
        controlFailed: Number(lost.touched) + Number(lost.kept),
      });
    }
  });
});
