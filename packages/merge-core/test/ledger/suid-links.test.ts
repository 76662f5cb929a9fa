import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import type { Problem } from '../../src/errors.ts';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { isProblem, RealPaths } from '../../src/ledger/real-paths.ts';
import { suspiciousHardLinks } from '../../src/ledger/suid-links.ts';
import { OpenDirectories } from '../../src/open-directories.ts';
import { type Entry, ROOT, world } from '../engine/world.ts';

const tree: readonly Entry[] = [
  { path: 'bin', type: 'directory' },
  { path: 'home', type: 'directory' },
  { path: 'bin/su', mode: 0o4755 },
  { path: 'sbin', type: 'symlink', content: 'bin' },
  { path: 'bin/wall', mode: 0o2755 },
  { path: 'bin/plain', mode: 0o755 },
  { path: 'home/plain', link: 'bin/plain' },
];

function suspects(fs: MemoryPort, paths: readonly string[]): readonly Problem[] {
  const top = fs.openRoot(ROOT);
  using root = new OpenDirectories(fs, top);
  const real = new RealPaths(fs, root);
  const entries = paths.map(ascii).map((path) => {
    const place = real.place(path);
    const isThere = place !== undefined && !isProblem(place);
    const stat = isThere ? real.stat(place) : undefined;
    return { path, target: isThere ? place.path : path, type: 'obj', reason: '', ...(stat && { stat }) } as const;
  });
  // What decided on them may not have looked: then it is looked at now.
  const unseen = paths.map(ascii).map((path) => ({ path, target: path, type: 'obj', reason: '!prefix' }) as const);
  expect(suspiciousHardLinks(unseen, real)).toEqual(suspiciousHardLinks(entries, real));
  return suspiciousHardLinks(entries, real);
}

test('a setuid or setgid file with a name that no package has is suspicious: SUSPICIOUS_HARD_LINK (I.6)', () => {
  const mine: Entry[] = [
    { path: 'home/mine', link: 'bin/su' },
    { path: 'home/a', link: 'bin/wall' },
    { path: 'home/b', link: 'bin/wall' },
  ];
  expect(suspects(world([...tree, ...mine], []), ['bin/su', 'bin/wall', 'bin/plain', 'not/there', 'bin'])).toEqual([
    { code: 'SUSPICIOUS_HARD_LINK', path: 'bin/su', message: expect.stringContaining('`bin/su`') },
    { code: 'SUSPICIOUS_HARD_LINK', path: 'bin/wall', message: expect.stringContaining('2 hard links') },
  ]);
});

test('names that the packages have themselves are not (I.6)', () => {
  const linked = [...tree, { path: 'bin/sg', link: 'bin/su' }];
  expect(suspects(world(linked, []), ['bin/su', 'bin/sg'])).toEqual([]);
});

test('one name counts once, through whatever symlink or bind mount it is listed (I.6)', () => {
  const fs = world([...tree, { path: 'home/mine', link: 'bin/su' }], []);
  fs.mount({ path: '/root/again', bind: '/root/bin' });
  expect(suspects(fs, ['bin/su', 'sbin/su', 'again/su'])).toHaveLength(1);
  expect(suspects(fs, ['bin/su', 'sbin/su', 'home/mine'])).toEqual([]);
});
