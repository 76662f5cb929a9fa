/** Whoever is in a container writes its package databases: what they cost is bounded, and what was not read is counted. */
import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import type { OwnerFinder } from '../../src/index.ts';
import { nameOwners, type Unowned } from '../../src/stale/name-owners.ts';

/** A process with one stale file. */
function processIn(root: string): Unowned {
  const finding = { path: ascii('/bin/x') } as Unowned['findings'][number]['finding'];
  return { root: ascii(root), findings: [{ root: ascii(root), finding }] } as unknown as Unowned;
}

const finder: OwnerFinder = {
  name: 'knows all',
  ownersOf: (paths) => new Map([...paths].map((path) => [path, ['owner']])),
};
const all = ['/proc/7/root', '/', '/proc/8/root', '/proc/8/root'].map(processIn);

function owners(foreignMs?: number) {
  const { owned, unreadDatabases } = nameOwners(all, [finder], foreignMs);
  return { owners: owned.map(({ findings }) => findings[0]?.owners), unreadDatabases };
}

test('each root is asked', () => {
  expect(owners()).toEqual({ owners: [['owner'], ['owner'], ['owner'], ['owner']], unreadDatabases: 0 });
});

test('containers are asked for so long and no longer, which our own root is not', () => {
  expect(owners(0)).toEqual({ owners: [[], ['owner'], [], []], unreadDatabases: 2 });
});
