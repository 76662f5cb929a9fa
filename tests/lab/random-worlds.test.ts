/**
 * Any image over any root, with any switches, must come out as a small slow model of the specification says.
 *
 * Not shown here: what packages, mounts and users change, and what a power cut leaves.
 */
import { temporaryDirectory } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import type { FsPort } from '@emplace/merge-core';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { keepCase, keptCases } from './random-worlds/cases.ts';
import { type Outcome, type Played, play, playInMemory } from './random-worlds/play.ts';
import { type Kind, mountPlaces } from './random-worlds/scenes.ts';
import { type World, worlds } from './random-worlds/world.ts';
import { labSeed } from './seed.ts';
import { tell } from './table.ts';

const SEED = labSeed();
const RUNS = Number(process.env.EMPLACE_RUNS ?? 8_000);
const RUNS_ON_DISK = Math.ceil(RUNS / 20);
const SAMPLES = 500;
/** More than the calls of a merge of one file. */
const STOPS = 400;
const KINDS: readonly Kind[] = ['tmpfs', 'ext4', 'xfs', 'btrfs'];

type Counts = Record<Outcome, number>;

/** Plays worlds until one goes wrong; that one is made small and kept. */
function search(playOne: (world: World) => Played, runs: number): Counts {
  const counts: Counts = { old: 0, new: 0 };
  const holds = fc.property(worlds, (world) => {
    const { outcome, wrong } = playOne(world);
    counts[outcome]++;
    return wrong.length === 0;
  });
  const { counterexample } = fc.check(holds, { numRuns: runs, seed: SEED });
  if (counterexample === null) return counts;
  const [world] = counterexample;
  const { wrong } = playOne(world);
  throw new Error(`seed ${SEED}, kept as ${keepCase(world)}:\n${wrong.join('\n')}`);
}

type Sabotage = (fs: FsPort) => Partial<FsPort>;

function sabotaged(fs: FsPort, sabotage: Sabotage): FsPort {
  return Object.create(fs, Object.getOwnPropertyDescriptors(sabotage(fs))) as FsPort;
}

/** Whether worlds show a defect of the port that a merge is given. */
function isCaught(
  sabotage: Sabotage,
  playOne: (world: World, engine: (fs: FsPort) => FsPort) => Played = playInMemory,
): boolean {
  return fc
    .sample(worlds, { numRuns: SAMPLES, seed: SEED })
    .some((world) => playOne(world, (fs) => sabotaged(fs, sabotage)).wrong.length > 0);
}

describe('any image over any root', () => {
  test.each(keptCases())('comes out as specified in $name, which once did not (G1, G3)', ({ world }) => {
    expect(playInMemory(world).wrong).toEqual([]);
  });

  test('comes out as specified in memory; stopped at a call each name is old or new, and recovered the whole tree is (G1, G2, G3)', () => {
    const counts = search(playInMemory, RUNS);
    console.info(`${RUNS} random worlds in memory, seed ${SEED}: ${JSON.stringify(counts)}`);
    expect(Math.min(counts.old, counts.new)).toBeGreaterThan(RUNS / 20);
    tell({ kind: 'random world', fileSystem: 'memory', tried: RUNS, ...counts, controlFailed: 0 });
  });

  for (const kind of KINDS) {
    rootTest(`comes out as specified on ${kind} (G1, G3)`, () => playOn(kind));
  }
});

/** And that it is seen there when something is wrong. */
function playOn(kind: Kind): void {
  using directory = temporaryDirectory();
  using places = mountPlaces(kind, directory);
  const counts = search((world) => play(places.scene(world.apart), world), RUNS_ON_DISK);
  console.info(`${RUNS_ON_DISK} random worlds on ${kind}, seed ${SEED}: ${JSON.stringify(counts)}`);
  const playBadly = (world: World, engine: (fs: FsPort) => FsPort): Played => {
    const scene = places.scene(world.apart);
    return play(scene, world, engine(scene.fs));
  };
  expect(isCaught(sabotages['sets no modes'], playBadly)).toBe(true);
  tell({ kind: 'random world', fileSystem: kind, tried: RUNS_ON_DISK, ...counts, controlFailed: 1 });
}

/** Controls: what finds nothing is worth nothing. Each of these ports has one thing wrong. */
const sabotages = {
  'sets no times': () => ({ setTimes: () => {} }),
  'sets no modes': () => ({ chmod: () => {} }),
  'gives nothing away': () => ({ chown: () => {} }),
  'forgets attributes': () => ({ setXattr: () => {} }),
  'sees no holes': (fs) => ({
    nextData(file, start) {
      const end = fs.statHandle(file).size;
      return start < end ? { start, end } : undefined;
    },
  }),
  'exchanges nothing': () => ({ exchange: () => {} }),
  'makes links to links': (fs) => ({
    symlink: (at, name, target) => fs.symlink(at, name, `./${target}` as typeof target),
  }),
} as const satisfies Readonly<Record<string, Sabotage>>;

describe('the model', () => {
  test.each(Object.entries(sabotages))('shows a file system that %s', (_, sabotage) => {
    expect(isCaught(sabotage)).toBe(true);
    tell({ kind: 'random world', fileSystem: 'memory', tried: 0, old: 0, new: 0, controlFailed: 1 });
  });

  test('shows one that removes what it renames over, when stopped in between', () => {
    const program = { path: 'a', type: 'file', mode: 0o755 } as const;
    const [old, fresh] = ['1', '2'].map((content) => [{ ...program, content }]);
    const asked = {
      strategy: 'auto',
      hardlink: true,
      keepImage: false,
      replaceTypes: false,
      directories: 'keep',
    } as const;
    const world = {
      old: old ?? [],
      fresh: fresh ?? [],
      apart: false,
      asked: { ...asked, exclude: [], undo: 'auto' },
    } as const;
    const removing = (fs: FsPort): FsPort => {
      const rename: FsPort['rename'] = (from, source, to, target) => {
        if (fs.stat(to, target) !== undefined) fs.unlink(to, target);
        fs.rename(from, source, to, target);
      };
      return Object.create(fs, { rename: { value: rename } }) as FsPort;
    };
    const wrong = Array.from({ length: STOPS }, (_, stop) => playInMemory({ ...world, stop }, removing).wrong).flat();
    expect(wrong.join()).toContain('neither old nor new: "a"');
    tell({ kind: 'random world', fileSystem: 'memory', tried: 0, old: 0, new: 0, controlFailed: 1 });
  });

  test('has nothing against one that does all right', () => {
    expect(isCaught(() => ({}))).toBe(false);
  });
});
