/** What a power cut must not take is flushed before the merge goes on (G4, J1, J3, J5). tests/lab cuts the power; here the order is looked at. */
import { beforeCall } from '@emplace/fixtures/faults';
import type { FileHandle, FsPort } from '@emplace/fsprobe';
import { expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { type MergeOptions, mergeSync } from '../../src/index.ts';
import { type Entry, world } from './world.ts';

const options = { image: '/image', root: '/root' } as const;
const fresh: readonly Entry[] = [
  { path: 'd', type: 'directory' },
  { path: 'd/a', content: 'new', mode: 0o755 },
];
const old: readonly Entry[] = [{ path: 'd/a', content: 'old', mode: 0o755 }];

/** Flushes, and what must come before or after them. */
function flushes(fs: MemoryPort, asked: Partial<MergeOptions>): string[] {
  const seen: string[] = [];
  const port = beforeCall(fs as FsPort, (name, _index, args) => {
    const shown = (): string => fs.pathShown(args[0] as FileHandle) ?? '?';
    if (name === 'fsync' || name === 'fsyncDir' || name === 'syncfs') seen.push(`${name} ${shown()}`);
    if (name === 'write' && shown().startsWith('/root/.emplace/journal')) seen.push(`write ${shown()}`);
    // Those by which the site is measured are told by nothing.
    if (name === 'rename' && /^(journal|a)$/.test(String(args[3]))) seen.push(`${name} ${String(args[3])}`);
  });
  mergeSync({ ...options, ...asked, fs: port });
  return seen;
}

const journal = '/root/.emplace/journal';
/** The plan, in pieces, is there whole under its own name or not at all. */
const begun = [
  ...[`write ${journal}.new`, `write ${journal}.new`, `fsync ${journal}.new`],
  ...['rename journal', 'fsyncDir /root/.emplace', 'fsyncDir /root'],
];
const record = [`write ${journal}`, `fsync ${journal}`];

test('each record is flushed before what relies on it, and before it each file system that it tells of', () => {
  const one = world([{ path: 'd', type: 'directory' }, ...old], fresh);
  expect(flushes(one, { strategy: 'rename' })).toEqual([
    ...begun,
    ...['syncfs /root/d', ...record],
    'rename a',
    ...['syncfs /root/d', ...record],
  ]);
});

test('with a file system below the root that one too, before its kept names can be forgotten with the journal (J12)', () => {
  const several = world(old, fresh, { mounts: [{ path: '/image' }, { path: '/root/d' }] });
  expect(flushes(several, { strategy: 'copy' })).toEqual([
    ...begun,
    ...['syncfs /root/d', ...record],
    'rename a',
    ...['syncfs /root/d', ...record],
    'syncfs /root/d',
  ]);
});

test('each file system that is touched is flushed once, however many directories of it are, and no other', () => {
  const fresher: readonly Entry[] = [
    ...fresh,
    { path: 'd/e/f', content: 'new' },
    { path: 'e', type: 'directory' },
    { path: 'e/x', content: 'new' },
  ];
  const kept = [
    ...old,
    { path: 'd/e', type: 'directory' },
    { path: 'e', type: 'directory' },
    { path: 'other/x' },
  ] as const;
  const several = world(kept, [...fresher.slice(0, 2), { path: 'd/e', type: 'directory' }, ...fresher.slice(2)], {
    mounts: [{ path: '/root/d' }, { path: '/root/other' }],
  });
  expect(flushes(several, {}).filter((line) => line.startsWith('syncfs'))).toEqual([
    ...['syncfs /root/e', 'syncfs /root/d'],
    ...['syncfs /root/e', 'syncfs /root/d'],
    'syncfs /root/d',
  ]);
});

test('nothing is flushed if nobody asks for it', () => {
  const fs = world([{ path: 'd', type: 'directory' }, ...old], fresh);
  expect(flushes(fs, { sync: 'none' }).filter((line) => line.includes('sync'))).toEqual([]);
});
