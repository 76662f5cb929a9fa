import { readdirSync } from 'node:fs';
import type { TemporaryDirectory } from '@emplace/fixtures';
import { expect } from '@jest/globals';
import { mergeSteps } from '../../src/merge.ts';
import { type MergeOptions, type MergeRequest, mergeRequest } from '../../src/options.ts';
import type { MergeReport } from '../../src/report.ts';
import { runSync } from '../../src/steps.ts';
import { ALONE } from '../../src/threads/setup.ts';

/** What makes threads work however small the tree is. */
export const forced = { count: 3, always: true } as const;

/** A merge by one thread, or by several. */
export function requestOf(work: TemporaryDirectory, isShared: boolean, more: Partial<MergeOptions> = {}): MergeRequest {
  const options = { image: work.at('image'), root: work.at('root'), sync: 'none', ...more } as const;
  return { ...mergeRequest(options), threads: isShared ? forced : ALONE };
}

export function mergeBy(request: MergeRequest): MergeReport {
  return runSync(mergeSteps(request));
}

/** What this process has of both. */
export function balance(): { readonly threads: number; readonly descriptors: readonly string[] } {
  return { threads: readdirSync('/proc/self/task').length, descriptors: readdirSync('/proc/self/fd') };
}

/** Threads that were told to end do so in their own time. */
export async function threadsEnded(before: ReturnType<typeof balance>): Promise<void> {
  while (balance().threads > before.threads) await new Promise(setImmediate);
}

/** Nothing is left; what another test left may be gone by now. */
export async function expectBalanced(before: ReturnType<typeof balance>): Promise<void> {
  await threadsEnded(before);
  expect(balance().descriptors.filter((fd) => !before.descriptors.includes(fd))).toEqual([]);
}
