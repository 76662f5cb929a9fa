/** Each call of a merge, an upgrade and an unmerge fails once, on real file systems: the old tree and an error that says so, or the new tree. */
import { spawnSync } from 'node:child_process';
import { temporaryDirectory } from '@emplace/fixtures';
import { testWith } from '@emplace/fixtures/jest';
import { describe, expect } from '@jest/globals';
import { emplace } from '../src/running.ts';
import { failCall } from './every-call/fail.ts';
import { commandOf, failCommand } from './every-call/fail-command.ts';
import { type LabFs, mountLabFs } from './every-call/file-systems.ts';
import { killedOperation } from './every-call/kill.ts';
import { type Operation, oneByOne, operations } from './every-call/operations.ts';
import { sameTypes } from './every-call/small-package.ts';
import { type Command, countTraced, emplaceLine, TRACED } from './every-call/under-strace.ts';
import { World } from './every-call/world.ts';
import { labSeed } from './seed.ts';
import { tell } from './table.ts';

const SEED = labSeed();

/** Every call, every second, every eighth. */
const STEPS: Readonly<Record<LabFs, number>> = { tmpfs: 1, ext4: 2, xfs: 8, btrfs: 8 };

interface Tally {
  tried: number;
  old: number;
  new: number;
  readonly outcomes: Set<string>;
  readonly wrong: string[];
}

const newTally = (): Tally => ({ tried: 0, old: 0, new: 0, outcomes: new Set(), wrong: [] });

function add(tally: Tally, fault: string, { outcome, tree, wrong }: Omit<ReturnType<typeof failCall>, 'fault'>): void {
  tally.tried++;
  if (tree !== 'neither') tally[tree]++;
  tally.outcomes.add(outcome);
  if (wrong.length > 0) tally.wrong.push(`${fault}: ${outcome}, ${wrong.slice(0, 3).join('; ')}`);
}

/** Every n-th call, until there is none of that number. */
function failEach(world: World, operation: Operation, step: number): Tally {
  const tally = newTally();
  for (let n = 1 + (SEED % step); ; n += step) {
    const { fault, isReached, ...failed } = failCall(world, operation, n, SEED + n * 7);
    if (!isReached) return tally;
    if (fault !== undefined) add(tally, fault, { isReached, ...failed });
  }
}

describe.each(Object.keys(STEPS) as LabFs[])('on %s', (kind) => {
  for (const [name, operation] of Object.entries(operations)) {
    const tools = kind === 'tmpfs' ? [] : [`mkfs.${kind}`];
    const step = STEPS[kind];
    const which = step === 1 ? 'each call' : `one call in ${step}`;
    testWith(
      { root: true, tools },
      `${which} of ${name} fails with what it can fail with: the old tree and a typed error, or the new tree, and nothing is left open or behind (G1, G3), seed ${SEED}`,
      () => {
        using work = temporaryDirectory();
        using fs = mountLabFs(kind, work);
        const world = new World(`${fs.path}/world`, operation);
        const { wrong, outcomes, ...counts } = failEach(world, operation, step);
        expect(wrong).toEqual([]);
        expect([...outcomes]).toEqual(expect.arrayContaining(['done', 'refused', 'rolled-back']));
        const control = new World(`${fs.path}/control`, oneByOne, sameTypes);
        const shown = failEach(control, oneByOne, 1).wrong;
        // Both of what it looks for: half a tree, and what stays open.
        expect(shown).toEqual(expect.arrayContaining([expect.stringMatching(/neither/)]));
        expect(shown).toEqual(expect.arrayContaining([expect.stringMatching(/descriptor/)]));
        tell({ kind: `a call of ${name} fails`, fileSystem: kind, ...counts, controlFailed: shown.length });
      },
    );
  }
});

type TracedFault = readonly [call: string, errno: string, n: number];

/** One call of each name, of those that are made most another one. */
function* sample(counts: ReadonlyMap<string, number>): Generator<TracedFault> {
  for (const [i, [call, count]] of [...counts].entries()) {
    const errnos = TRACED[call] ?? [];
    for (let again = 0; again < Math.min(count / 4, 2); again++)
      yield [
        call,
        errnos[(SEED + i + again) % errnos.length] as string,
        1 + ((SEED * 31 + i * 7 + again * 13) % count),
      ];
  }
}

for (const name of ['merge', 'upgrade', 'unmerge'] as const)
  testWith(
    { root: true, tools: ['strace'] },
    `a call of emplace ${name} fails below both its processes, or is interrupted: the old tree and an exit code that says so, or the new tree, and nothing is left (G1, G3), seed ${SEED}`,
    () => {
      using work = temporaryDirectory();
      using fs = mountLabFs('tmpfs', work);
      const world = new World(`${fs.path}/world`, operations[name]);
      world.restore();
      const log = work.at('strace');
      // Built, if it is not.
      expect(spawnSync(emplace, ['--version']).status).toBe(0);
      const command = { line: emplaceLine(commandOf(name, world.place)), log };
      const counts = countTraced(command);
      expect(world.see().tree).toBe('new');
      const { wrong, outcomes, ...tally } = failEachOf(sample(counts), world, command);
      expect(wrong).toEqual([]);
      expect([...outcomes]).toEqual(expect.arrayContaining(['done', 'rolled-back']));
      // Most of what was to be hit was: threads share the work in more than one way.
      expect(tally.tried).toBeGreaterThan(counts.size / 2);
      const control = new World(`${fs.path}/control`, oneByOne, sameTypes);
      const plain = { line: killedOperation('one-by-one', control.place, 0), log };
      const shown = failEachOf(RENAMES, control, plain).wrong;
      expect(shown).toEqual(expect.arrayContaining([expect.stringMatching(/neither/)]));
      tell({
        kind: `a system call of emplace ${name} fails`,
        fileSystem: 'tmpfs',
        ...tally,
        controlFailed: shown.length,
      });
    },
  );

/** Of a merge one by one, which has nothing else that would matter. */
const RENAMES: readonly TracedFault[] = [2, 3, 4].map((n) => ['renameat', 'EIO', n]);

function failEachOf(faults: Iterable<TracedFault>, world: World, command: Command): Tally {
  const tally = newTally();
  for (const [call, errno, n] of faults) {
    const failed = failCommand(world, command, call, errno, n);
    if (failed.isReached) add(tally, `${call} ${n}, ${errno}`, failed);
  }
  return tally;
}
