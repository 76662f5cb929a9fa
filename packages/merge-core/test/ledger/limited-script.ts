/**
 * `limited-script.ts DESCRIPTORS OPTIONS [TAKEN]`: merges in a process that may have so many descriptors, Node's own among them. A file
 * appears under the name TAKEN when the commit begins. Prints what came of it.
 */
import { writeFileSync } from 'node:fs';
import { prlimit, RLIMIT_NOFILE } from '@emplace/syscalls';
import { type MergeEvent, type MergeOptions, mergeSync } from '../../src/index.ts';

const [descriptors, options = '{}', taken] = process.argv.slice(2);
prlimit(0, RLIMIT_NOFILE, { soft: Number(descriptors), hard: Number(descriptors) });

function onEvent(event: MergeEvent): void {
  if (event.type === 'phase' && event.phase === 'commit' && taken !== undefined) writeFileSync(taken, 'of somebody');
}

try {
  const { outcome, counts } = mergeSync({ ...(JSON.parse(options) as MergeOptions), onEvent });
  console.log(JSON.stringify({ outcome, replaced: counts.replaced }));
} catch (error) {
  const { code, outcome, message } = error as { code?: string; outcome?: string; message?: string };
  console.log(JSON.stringify({ code, outcome, message }));
}
