/** What an entry loses on a file system of which this much is known, as the plan tells it. */
import type { FactName, SiteFacts, Stat, Xattrs } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { lossesOf } from '../../src/plan/carry.ts';
import { ROOT, world } from './world.ts';

/** A file of 5:6, mode 0640, of an odd second and a fraction. */
function stat(changed: Partial<Stat> = {}): Stat {
  const fs = world([{ path: 'x', uid: 5, gid: 6, mode: 0o640, mtime: { sec: 7, nsec: 8 } }], []);
  const found = fs.stat(fs.openRoot(ROOT), ascii('x'));
  if (found === undefined) throw new Error('x is not there');
  return { ...found, ...changed };
}

const no = (name: FactName, more: object = {}): SiteFacts => ({ [name]: { answer: 'no', why: 'EPERM', ...more } });

function lost(
  facts: SiteFacts,
  entry: Stat,
  name = 'x',
  xattrs: Xattrs = new Map(),
  gids: readonly number[] = [],
): string[] {
  return lossesOf(name as Bytes, entry, () => xattrs, facts, gids).map(({ what, which }) => `${what}: ${which}`);
}

test('where everything works nothing is lost, and attributes are not even read', () => {
  const unread = (): Xattrs => {
    throw new Error('read');
  };
  expect(lossesOf(ascii('x'), stat(), unread, {}, [])).toEqual([]);
});

test.each([
  ['plain', true],
  ['dots.and spaces.inside', true],
  ['.hidden', true],
  ['!#$%&()+,;=@[]^_`{}~', true],
  ['ends.', false],
  ['ends ', false],
  ['a"b', false],
  ['a*b', false],
  ['a:b', false],
  ['<', false],
  ['>', false],
  ['?', false],
  ['\\', false],
  ['|', false],
  ['\n', false],
  ['\x7f', false],
  ['\xff', false],
] as const)('a file system of few names takes %j: %p', (name, taken) => {
  expect(lost(no('anyName'), stat(), name)).toEqual(taken ? [] : ['entry: its name']);
});

test.each([
  ['symlink', 'symlink'],
  ['fifo', 'fifo'],
  ['char', 'device'],
  ['block', 'device'],
] as const)('a %s is lost as a whole where there is none', (type, fact) => {
  expect(lost(no(fact), stat({ type }))).toEqual([`entry: being a ${type}`]);
  expect(lost(no(fact), stat())).toEqual([]);
});

test('hard links are lost by who has some, and directories have none', () => {
  expect(lost(no('hardLink'), stat({ nlink: 2 }))).toEqual(['hardlink: its hard links']);
  expect(lost(no('hardLink'), stat())).toEqual([]);
  expect(lost(no('hardLink'), stat({ type: 'directory', nlink: 2 }))).toEqual([]);
});

test('an owner is lost unless it is what everything there has, or a group of ours that we may give', () => {
  const instead = (uid: number, gid: number): SiteFacts => no('owner', { errno: 'EPERM', instead: { uid, gid } });
  const loss = ['owner: its owner 5:6'];
  expect(lost(instead(5, 6), stat())).toEqual([]);
  expect(lost(instead(0, 6), stat())).toEqual(loss);
  expect(lost(instead(5, 0), stat())).toEqual(loss);
  expect(lost(instead(5, 0), stat(), 'x', undefined, [6])).toEqual([]);
  expect(lost(instead(0, 0), stat(), 'x', undefined, [6])).toEqual(loss);
  expect(lost(no('owner', { instead: { uid: 5, gid: 0 } }), stat(), 'x', undefined, [6])).toEqual(loss);
});

test('a mode is lost unless it is what everything there has; a symlink has none', () => {
  const modes = no('mode', { instead: { fileMode: 0o640, directoryMode: 0o755 } });
  expect(lost(modes, stat())).toEqual([]);
  expect(lost(modes, stat({ mode: 0o44 }))).toEqual(['mode: its mode 0044']);
  expect(lost(modes, stat({ type: 'directory', mode: 0o755 }))).toEqual([]);
  expect(lost(modes, stat({ type: 'directory' }))).toEqual(['mode: its mode 0640']);
  expect(lost(modes, stat({ type: 'symlink', mode: 0o777 }))).toEqual([]);
});

test('a time is lost where it is too fine', () => {
  const at = (sec: number, nsec: number): Stat => stat({ mtime: { sec, nsec } });
  expect(lost(no('nanoseconds'), at(7, 8))).toEqual(['time: its time to the nanosecond']);
  expect(lost(no('nanoseconds'), at(7, 0))).toEqual([]);
  expect(lost(no('seconds'), at(7, 0))).toEqual(['time: its time to the second']);
  expect(lost(no('seconds'), at(8, 8))).toEqual([]);
});

test('an attribute is lost where its kind is, and of an unknown kind where not even a user has any', () => {
  const keys = ['user.k', 'trusted.k', 'security.capability', 'system.posix_acl_access', 'security.other', 'x.user.'];
  const xattrs: Xattrs = new Map(keys.map((key) => [ascii(key), Buffer.from('v')]));
  const losing = (fact: FactName): string[] =>
    lost(no(fact), stat(), 'x', xattrs).map((line) => line.slice('xattr: its `'.length, -1));
  expect(losing('userXattr')).toEqual(['user.k', 'security.other', 'x.user.']);
  expect(losing('trustedXattr')).toEqual(['trusted.k']);
  expect(losing('capability')).toEqual(['security.capability']);
  expect(losing('acl')).toEqual(['system.posix_acl_access']);
});
