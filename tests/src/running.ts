/** The command line as a process that runs, for tests that stop, kill or strand it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TemporaryDirectory } from '@emplace/fixtures';

export const emplace: string = fileURLToPath(new URL('../../emplace', import.meta.url));

/** A command that runs, and the process that works for it once that has started. */
interface Running {
  readonly child: ChildProcess;
  readonly mover: Promise<number>;
  /** Resolves when it has told of an event with that in it, or is over. */
  saw(what: string): Promise<void>;
  /** How it ended, with what it said on stderr but for events. */
  readonly ended: Promise<{ readonly status: number | null; readonly signal: string | null; readonly told: string }>;
  readonly stdout: Promise<string>;
}

/** @param command what is run, with its first arguments */
export function start(args: readonly string[], [program = '', ...first]: readonly string[] = [emplace]): Running {
  const child = spawn(program, [...first, ...args, '--progress', 'json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const mover = Promise.withResolvers<number>();
  const told: string[] = [];
  const events: string[] = [];
  let isOver = false;
  const lines = createInterface({ input: child.stderr }).on('line', (line) => {
    (line.startsWith('{') ? events : told).push(line);
    const event = line.startsWith('{"type":"mover"') ? (JSON.parse(line) as { pid: number }) : undefined;
    if (event !== undefined) mover.resolve(event.pid);
  });
  const ended = once(child, 'close').then(([status, signal]) => {
    isOver = true;
    mover.resolve(0);
    return { status: status as number | null, signal: signal as string | null, told: told.join('\n') };
  });
  const saw = async (what: string): Promise<void> => {
    while (!isOver && !events.some((line) => line.includes(what))) await Promise.race([once(lines, 'line'), ended]);
  };
  return { child, mover: mover.promise, saw, ended, stdout: text(child.stdout) };
}

/** In the events of a merge that {@link waitsWhile} holds. */
export const HELD = '"type":"hook-started"';

/** Arguments by which a merge waits in a phase as long as there is the file `shut`: to the end of a test at the latest. */
export function waitsWhile(shut: string, phase: 'pre-stage' | 'pre-commit' | 'post-commit'): string[] {
  writeFileSync(shut, '');
  return ['--hook', `${phase}=while [ -e '${shut}' ]; do sleep 0.05; done`];
}

/** A process that is not our child gives no event: it is looked for until it is gone. */
export async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(2);
}

export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** An image and a root of three files each. */
export function twoTrees(work: TemporaryDirectory): [string, string] {
  for (const [name, content] of [
    ['image', 'new'],
    ['root', 'old'],
  ] as const) {
    work.make(`${name}/d`);
    for (const file of ['a', 'b', 'c'])
      spawnSync('/bin/sh', ['-c', `printf ${content} > '${work.at(`${name}/d/${file}`)}'`]);
  }
  return [work.at('image'), work.at('root')];
}

/** It may have ended just now. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
