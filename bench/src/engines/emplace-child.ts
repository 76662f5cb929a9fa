/**
 * `emplace-child.ts OPERATION OPTIONS [warm|cold|idle]`: calls the library in this process and prints a {@link Run}. Warm: a
 * few small merges come first. `cold` leaves them out, `idle` leaves the operation out too.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryDirectory } from '@emplace/fixtures';
import {
  type MergeOptions,
  merge,
  mergeSync,
  type RecoverOptions,
  recoverSync,
  type UnmergeOptions,
  unmergeSync,
  verify,
} from '@emplace/merge-core';

const operations = {
  merge: (options: MergeOptions) => mergeSync(options),
  /** By a process of its own that this one watches. */
  supervised: (options: MergeOptions) => merge(options),
  unmerge: (options: UnmergeOptions) => unmergeSync(options),
  recover: (options: RecoverOptions) => recoverSync(options),
  verify: (options: { readonly root: string }) => verify({ root: options.root }),
  /** One merge after the other: `image` has them by number. */
  mergeAll: (options: MergeOptions & { readonly numbers: number }) => {
    for (let number = 0; number < options.numbers; number++) mergeOne(options, number);
  },
  /** Ends by a kill in the middle of staging or of the commit, as a crash would. */
  killedInStage: (options: MergeOptions) => mergeSync({ ...options, onEvent: killIn('stage') }),
  killedInCommit: (options: MergeOptions) => mergeSync({ ...options, onEvent: killIn('commit') }),
};
export type Operation = keyof typeof operations;

function mergeOne({ numbers: _, ...options }: MergeOptions & { readonly numbers: number }, number: number): void {
  const ledger = options.ledger && { ledger: { ...options.ledger, package: `app-bench/small${number}-1` } };
  mergeSync({ ...options, image: join(String(options.image), String(number)), ...ledger });
}

function killIn(phase: 'stage' | 'commit'): NonNullable<MergeOptions['onEvent']> {
  return (event) => {
    if (event.type !== 'progress' || event.phase !== phase || event.done < (event.total ?? 0) / 2) return;
    process.kill(process.pid, 'SIGKILL');
  };
}

/** Creates, then replaces, with and without digests: all of it is compiled before the clock starts. */
function warmUp(strategy: string): void {
  using place = temporaryDirectory(tmpdir());
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 300; index++) {
      const dir = place.at(`image/d${index % 10}`);
      mkdirSync(dir, { recursive: true });
      writeFileSync(`${dir}/f${index}`, `${round} ${index}`);
    }
    mkdirSync(place.at('root'), { recursive: true });
    const ledger = { ledger: { package: `app-bench/warm-${round}`, slot: '0', digests: ['md5' as const] } };
    mergeSync({ image: place.at('image'), root: place.at('root'), sync: 'none', strategy, ...(round > 0 && ledger) });
  }
}

const [operation = '', json = '{}', how = 'warm'] = process.argv.slice(2);
if (how === 'warm') for (const strategy of ['auto', 'copy']) warmUp(strategy);
// The same libraries are loaded, nothing is merged: what strace counts of this is taken off.
else recoverSync({ root: tmpdir() });

const before = performance.now();
if (how !== 'idle') await operations[operation as Operation](JSON.parse(json));
console.log(JSON.stringify({ ms: performance.now() - before, rssKiB: process.resourceUsage().maxRSS }));
