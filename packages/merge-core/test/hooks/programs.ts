import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { expect } from '@jest/globals';
import { type Ended, SpawnError, spawnProgram } from '../../src/index.ts';
import { specOf, type Wish } from './wishes.ts';

/** Runs a program to its end. */
export async function run(wish: Wish): Promise<Ended> {
  return (await spawnProgram(specOf(wish))).ended;
}

/** Runs `script` by a shell to its end. */
export function shell(script: string, wish: Omit<Wish, 'argv'> = {}): Promise<Ended> {
  return run({ ...wish, argv: ['/bin/sh', '-c', script] });
}

/** What keeps a program from starting. @throws Error when it starts, once it has ended */
export async function refusalOf(wish: Wish): Promise<SpawnError> {
  let started: Awaited<ReturnType<typeof spawnProgram>>;
  try {
    started = await spawnProgram(specOf(wish));
  } catch (error) {
    if (error instanceof SpawnError) return error;
    throw error;
  }
  throw new Error(`it was started: ${JSON.stringify(await started.ended)}`);
}

/** Writes a program, with the directories above it. @returns its path */
export function program(path: string, content: string | Uint8Array = '#!/bin/sh\n', mode = 0o755): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

interface Held {
  readonly descriptors: number;
  /** Zombies among them. */
  readonly children: number;
}

/** What a test has to give back. */
export function held(): Held {
  const threads = readdirSync('/proc/self/task');
  const children = threads.flatMap((tid) => readFileSync(`/proc/self/task/${tid}/children`, 'latin1').split(' '));
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    children: children.filter((pid) => pid.trim() !== '').length,
  };
}

/** Jest starts children of its own now and then, so these are waited for, with a bound. */
export async function expectGivenBack(before: Held): Promise<void> {
  const end = performance.now() + 10_000;
  const isLeft = (): boolean => {
    const now = held();
    return now.children > before.children || now.descriptors > before.descriptors;
  };
  while (isLeft() && performance.now() < end) await setTimeout(20);
  if (isLeft()) expect(held()).toEqual(before);
}
