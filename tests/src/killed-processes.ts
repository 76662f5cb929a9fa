/** An upgrade or an unmerge in two processes, of which either is killed at some moment. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TreeSnapshot } from '@emplace/fixtures';
import { type MergeError, recover } from '@emplace/merge-core';
import { expect } from '@jest/globals';
import { differences, type Installed, isNeither, type Operation } from './installed.ts';
import { gone, kill } from './running.ts';

const child = fileURLToPath(new URL('./children/supervised-operation.ts', import.meta.url));

/** Multiples of it fill a span evenly, however many they are. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** What was seen after so many kills. */
interface Seen {
  old: number;
  new: number;
  /** Before it was recovered it was neither. */
  half: number;
}

/**
 * Kills one of the two processes at moments from the beginning of the work to a little after its end, recovers, and looks for a whole tree.
 * Goes on until what is wanted was seen: how long a work takes next time nobody knows, and the commit is a small part of it.
 * @param most rounds at which that ends, too
 */
export async function killAtMoments(
  lanes: readonly Installed[],
  operation: Operation,
  rounds: number,
  wanted: readonly (keyof Seen)[],
  most: number,
): Promise<Readonly<Seen>> {
  const seen: Seen = { old: 0, new: 0, half: 0 };
  const run = async (installed: Installed, lane: number): Promise<void> => {
    const span = await workMs(installed, operation);
    const after = installed.found();
    let isOld = false;
    const isMissing = (): boolean => wanted.some((what) => seen[what] === 0);
    for (let round = lane; round < rounds || (isMissing() && round < most); round += lanes.length) {
      const moment = span * (round < rounds ? (1.1 * round) / rounds : laterMoment(seen, round, rounds));
      const { tree, wasHalf } = await killed(installed, operation, moment, round, after, isOld);
      seen[tree]++;
      if (wasHalf) seen.half++;
      isOld = tree === 'old';
    }
  };
  // All of them, also when one fails: what still works keeps the disk busy.
  const ended = await Promise.allSettled(lanes.map(run));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return seen;
}

/** After so many rounds, in spans: at once for the old tree, ever later for the new one, anywhere for half of it. */
function laterMoment(seen: Readonly<Seen>, round: number, rounds: number): number {
  if (seen.old === 0) return 0;
  return seen.new === 0 ? 1 + round - rounds : (1.1 * round * GOLDEN_RATIO) % 1.1;
}

/** Kills one of the two processes at a moment of `span`, recovers, and says which whole tree that is. */
async function killed(
  installed: Installed,
  operation: Operation,
  moment: number,
  round: number,
  after: TreeSnapshot,
  isOld: boolean,
): Promise<{ tree: 'old' | 'new'; wasHalf: boolean }> {
  installed.fresh(isOld);
  if (round % 4 < 2) await killMover(installed, operation, moment);
  else await killSupervisor(installed, operation, moment);
  const wasHalf = isNeither(installed.found(), installed.old, after);
  const how = { root: installed.root, sync: 'none', inProcess: true, lockTimeoutMs: 30_000 } as const;
  await recover({ ...how, rollback: round % 5 === 0 }).catch(async (error: MergeError) => {
    expect(error.code).toBe('ROLLBACK_TOO_LATE');
    await recover(how);
  });
  const found = installed.found();
  if (differences(installed.old, found).length === 0) return { tree: 'old', wasHalf };
  expect({ round, moment, differences: differences(after, found) }).toEqual({ round, moment, differences: [] });
  return { tree: 'new', wasHalf };
}

async function killMover(installed: Installed, operation: Operation, moment: number): Promise<void> {
  let stopped: Promise<void> | undefined;
  await installed
    .run(operation, (pid) => {
      stopped ??= sleep(moment).then(() => kill(pid, 'SIGKILL'));
    })
    .catch((error: MergeError) => expect(error.code).toBe('MOVER_DIED'));
  await stopped;
}

async function killSupervisor(installed: Installed, operation: Operation, moment: number): Promise<void> {
  const flags = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning'];
  const args = [...flags, child, operation, JSON.stringify(installed.options(operation))];
  const running = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
  });
  const ended = once(running, 'close');
  const [pid] = (await once(createInterface({ input: running.stdout }), 'line')) as [string];
  await sleep(moment);
  running.kill('SIGKILL');
  await ended;
  await gone(Number(pid));
}

/** How long the process that works does so. */
async function workMs(installed: Installed, operation: Operation): Promise<number> {
  installed.fresh();
  let started = 0;
  await installed.run(operation, () => {
    started = performance.now();
  });
  return performance.now() - started;
}
