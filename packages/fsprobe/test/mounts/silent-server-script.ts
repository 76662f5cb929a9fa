/** In a namespace of its own: what is told of a FUSE file system that answers nothing, and what it was asked. */
import { mountFuse } from '@emplace/fixtures/fuse';
import { boundariesUnder, type MountBoundary } from '../../src/index.ts';
import { scene } from './scene.ts';

using work = scene();
const operations = ['LOOKUP', 'GETATTR', 'OPEN', 'OPENDIR', 'READDIR', 'READDIRPLUS', 'STATFS'] as const;
const rules = operations.map((operation) => ({ operation, answer: 'hold' }));
await using silent = await mountFuse(work.at('silent'), { rules });
const before = await silent.counts();
const boundaries = boundariesUnder(work.path).boundaries as MountBoundary[];
const after = await silent.counts();
console.log(
  JSON.stringify({
    told: boundaries.map(({ path, reach, entry }) => ({ path, reach, entry })),
    asked: operations.filter((operation) => after[operation] !== before[operation]),
  }),
);
