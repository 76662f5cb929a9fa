/**
 * Merges or unmerges in two processes, and says which one works, so that a test can kill either.
 *
 *   node supervised-operation.ts merge|unmerge OPTIONS-AS-JSON
 */
import { type MergeEvent, merge, unmerge } from '@emplace/merge-core';

const [operation = '', options = '{}'] = process.argv.slice(2);
const asked = {
  ...JSON.parse(options),
  onEvent: (event: MergeEvent): void => {
    if (event.type === 'mover') console.log(event.pid);
  },
};
await (operation === 'merge' ? merge(asked) : unmerge(asked));
