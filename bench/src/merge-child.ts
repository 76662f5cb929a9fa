/**
 * `merge-child.ts OPTIONS [cold|idle]`: merges by the library in this process and prints the time (ms) and peak memory
 * (KiB). Warm by default: a few small merges come first. `cold` leaves them out, `idle` leaves the merge out too.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { temporaryDirectory } from '@emplace/fixtures';
import { type MergeOptions, mergeSync, recoverSync } from '@emplace/merge-core';

const [json = '{}', how = 'warm'] = process.argv.slice(2);
const options = JSON.parse(json) as MergeOptions;

/** Creates, then replaces: both paths are compiled before the clock starts. */
function warmUp(strategy: string): void {
  using place = temporaryDirectory(tmpdir());
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 300; index++) {
      const dir = place.at(`image/d${index % 10}`);
      mkdirSync(dir, { recursive: true });
      writeFileSync(`${dir}/f${index}`, `${round} ${index}`);
    }
    mkdirSync(place.at('root'), { recursive: true });
    mergeSync({ image: place.at('image'), root: place.at('root'), sync: 'none', strategy });
  }
}

if (how === 'warm') for (const strategy of ['auto', 'copy']) warmUp(strategy);
// The same libraries are loaded, nothing is merged: what strace counts of this is taken off.
else recoverSync({ root: tmpdir() });

const before = performance.now();
if (how !== 'idle') mergeSync(options);
console.log(JSON.stringify({ ms: performance.now() - before, rssKiB: process.resourceUsage().maxRSS }));
