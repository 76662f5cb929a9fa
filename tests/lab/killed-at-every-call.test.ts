/** A merge, an upgrade, an unmerge and their recovery, killed at each call on real file systems: the old tree or the new one, exactly. */
import { spawnSync } from 'node:child_process';
import { TOP, temporaryDirectory } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { describe, expect } from '@jest/globals';
import { type LabFs, mountLabFs } from './every-call/file-systems.ts';
import { killAt, killedOperation, recoverEither, recoverKilled } from './every-call/kill.ts';
import { type Operation, oneByOne, operations } from './every-call/operations.ts';
import { sameTypes } from './every-call/small-package.ts';
import { World } from './every-call/world.ts';
import { labSeed } from './seed.ts';
import { tell } from './table.ts';

const SEED = labSeed();
/** Of calls: a process takes as long as a hundred stops in this one. */
const STRIDE = 61;
/** With a stride like that, from another call on each time, until both trees were seen: few calls are in a commit. */
const PASSES_MAX = 5;

interface Tally {
  tried: number;
  old: number;
  new: number;
  readonly wrong: string[];
}

const newTally = (): Tally => ({ tried: 0, old: 0, new: 0, wrong: [] });

/** Looks at what a recovery left. */
function count(tally: Tally, world: World, what: string): void {
  // Before there is a journal nobody knows what time the root itself had.
  const { tree, differences } = world.see([TOP]);
  const names = world.ownNames();
  tally.tried++;
  if (tree !== 'neither') tally[tree]++;
  if (tree === 'neither' || names.length > 0)
    tally.wrong.push(`${what}: ${[tree, ...differences, ...names].slice(0, 4).join('; ')}`);
  if (tree === 'old' && world.seeImage().length === 0) world.keep();
}

/** Every third is asked to go back. */
const rollsBack = (n: number): boolean => (n + SEED) % 3 === 0;

function killEach(world: World, operation: Operation, step: number, recover: (n: number) => void): Tally {
  const tally = newTally();
  for (let n = 1 + (SEED % step); ; n += step) {
    world.restore();
    if (!killAt(n, (fs) => operation(world.place, { fs }))) return tally;
    recover(n);
    count(tally, world, `killed at call ${n}`);
  }
}

/** The control: how many stops of it leave neither tree. */
function halfDone(place: string): number {
  const control = new World(place, oneByOne, sameTypes);
  const { wrong } = killEach(control, oneByOne, 1, () => {});
  expect(wrong.length).toBeGreaterThan(0);
  return wrong.length;
}

/** The control of a recovery: how many stops leave neither tree without one. */
function unrecovered(world: World, operation: Operation): number {
  const { wrong } = killEach(world, operation, STRIDE, () => {});
  expect(wrong.length).toBeGreaterThan(0);
  return wrong.length;
}

for (const kind of ['tmpfs', 'ext4'] as const satisfies LabFs[])
  describe.each(Object.entries(operations))(`%s on ${kind}`, (name, operation) => {
    const step = kind === 'tmpfs' ? 1 : 3;
    rootTest(
      `killed at each of its calls (on disks each third), then recovered, is the old or the new tree (G1, G3), seed ${SEED}`,
      () => {
        using work = temporaryDirectory();
        using fs = mountLabFs(kind, work);
        const world = new World(`${fs.path}/world`, operation);
        const { wrong, ...counts } = killEach(world, operation, step, (n) => recoverEither(world.root, rollsBack(n)));
        expect(wrong).toEqual([]);
        expect(Math.min(counts.old, counts.new)).toBeGreaterThan(0);
        const controlFailed = halfDone(`${fs.path}/control`);
        tell({ kind: `${name} stopped at a call`, fileSystem: kind, ...counts, controlFailed });
      },
    );

    rootTest(
      `recovered again and again, each time killed some calls later, is the old or the new tree (G3, J7), seed ${SEED}`,
      () => {
        using work = temporaryDirectory();
        using fs = mountLabFs(kind, work);
        const world = new World(`${fs.path}/world`, operation);
        let kills = 0;
        const recover = (n: number): void => {
          const killed = recoverKilled(world.root, rollsBack(n), 1 + (n % 3), kind === 'tmpfs' ? 3 : 9);
          kills += killed;
        };
        const { wrong, ...counts } = killEach(world, operation, kind === 'tmpfs' ? 17 : 41, recover);
        expect(wrong).toEqual([]);
        expect(kills).toBeGreaterThan(counts.tried);
        tell({
          kind: `recovery of ${name} stopped at a call`,
          fileSystem: kind,
          ...counts,
          tried: kills,
          controlFailed: unrecovered(world, operation),
        });
      },
    );
  });

describe.each(Object.entries(operations))('%s in a process of its own', (name, operation) => {
  rootTest(
    `SIGKILLed at calls, and its recovery twice, then recovered, is the old or the new tree (G1, G3), seed ${SEED}`,
    () => {
      using work = temporaryDirectory();
      using fs = mountLabFs('ext4', work);
      const world = new World(`${fs.path}/world`, operation);
      const compiled = work.make('compiled');
      const kill = (what: string, n: number): boolean => {
        const [program = '', ...args] = killedOperation(what, world.place, n);
        const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: compiled };
        const { signal, status, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
        expect({ n, signal, status, stderr }).toMatchObject(signal === null ? { status: 0 } : { signal: 'SIGKILL' });
        return signal !== null;
      };
      const tally = newTally();
      let kills = 0;
      const isEnough = (): boolean => Math.min(tally.old, tally.new) > 0;
      for (let pass = 0; pass < PASSES_MAX && !isEnough(); pass++)
        for (let n = 1 + ((SEED + pass * 13) % STRIDE); ; n += STRIDE) {
          world.restore();
          if (!kill(name, n)) break;
          const recovery = rollsBack(n) ? 'roll-back' : 'recover';
          for (const [again, at] of [3, 40].entries()) if (kill(recovery, (n % at) + at * again + 2)) kills++;
          recoverEither(world.root, rollsBack(n));
          count(tally, world, `killed at call ${n}`);
        }
      const { wrong, ...counts } = tally;
      expect(wrong).toEqual([]);
      expect(Math.min(counts.old, counts.new)).toBeGreaterThan(0);
      expect(kills).toBeGreaterThan(0);
      tell({
        kind: `${name} and its recovery killed`,
        fileSystem: 'ext4',
        ...counts,
        tried: counts.tried + kills,
        controlFailed: unrecovered(world, operation),
      });
    },
  );
});
