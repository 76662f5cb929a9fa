import { ascii, type Bytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { memoryPort } from '../../src/fs/memory.ts';
import { ConfigProtect, readConfigProtect } from '../../src/ledger/config-protect.ts';
import { OpenDirectories } from '../../src/open-directories.ts';
import { build, type Entry } from '../engine/world.ts';

const file = { type: 'file', size: 5 } as const;
const directory = (path: string): Entry => ({ path, type: 'directory' });
const link = (path: string, content: string, uid = 0): Entry => ({ path, type: 'symlink', content, uid });

/** What the lists say of `paths` in a root with these entries. */
function protectedIn(tree: readonly Entry[], protect: string, mask: string, paths: readonly string[]): string[] {
  const fs = memoryPort();
  build(fs, ascii('/'), tree);
  const top = fs.openRoot(ascii('/'));
  using root = new OpenDirectories(fs, top);
  const words = (list: string) => list.split(' ').filter((word) => word !== '') as Bytes[];
  const config = readConfigProtect(words(protect), words(mask), fs, root);
  const found = paths.filter((path) => config.isProtected(ascii(path), file));
  root[Symbol.dispose]();
  fs.closeDir(top);
  expect(fs.openHandles()).toBe(0);
  return found;
}

const etc = [
  directory('etc'),
  directory('etc/env.d'),
  directory('etc/a'),
  { path: 'etc/a/file' },
  { path: 'etc/conf' },
];

test('a directory protects all below it, by whole names (F.2)', () => {
  const paths = ['etc', 'etc/x', 'etc/a/b/c', 'etcetera', 'usr/etc/x'];
  expect(protectedIn(etc, '/etc', '', paths)).toEqual(['etc', 'etc/x', 'etc/a/b/c']);
});

test('anything else protects itself alone (F.2)', () => {
  expect(protectedIn(etc, '/etc/conf', '', ['etc/conf', 'etc/conf/x', 'etc/conf.d', 'etc'])).toEqual(['etc/conf']);
});

test('the longest entry that holds a path decides, and of two equals the mask (F.2)', () => {
  const paths = ['etc/x', 'etc/env.d/x', 'etc/a/x', 'etc/a/file'];
  expect(protectedIn(etc, '/etc /etc/a/file', '/etc/env.d /etc/a', paths)).toEqual(['etc/x', 'etc/a/file']);
  expect(protectedIn(etc, '/etc /etc/a', '/etc/a', paths)).toEqual(['etc/x', 'etc/env.d/x']);
});

test('an entry to protect counts while its directory is there, a mask while it is there itself (F.2)', () => {
  const paths = ['etc/gone', 'etc/gone/x', 'nowhere/x/y', 'etc/a/x'];
  expect(protectedIn(etc, '/etc/gone /nowhere/x', '', paths)).toEqual(['etc/gone']);
  expect(protectedIn(etc, '/etc', '/etc/gone', paths)).toEqual(['etc/gone', 'etc/gone/x', 'etc/a/x']);
});

test('a symlink to a directory is a directory, and one that leads nowhere is there (F.2)', () => {
  const tree = [...etc, link('conf', 'etc/a'), link('etc/lost', 'nowhere'), directory('opt'), link('opt/etc', '/etc')];
  expect(protectedIn(tree, '/conf', '', ['conf/x', 'etc/a/x'])).toEqual(['conf/x']);
  expect(protectedIn(tree, '/opt/etc/a', '', ['opt/etc/a/x'])).toEqual(['opt/etc/a/x']);
  expect(protectedIn(tree, '/etc', '/etc/lost', ['etc/lost', 'etc/lost/x'])).toEqual(['etc/lost/x']);
});

test('symlinks are followed within the root only, and one that a user planted takes no protection away', () => {
  const tree = [...etc, link('up', '../../../etc'), link('etc/planted', 'a', 1000), link('loop', 'loop')];
  expect(protectedIn(tree, '/up /loop', '', ['up/x', 'loop/x'])).toEqual(['up/x', 'loop/x']);
  expect(protectedIn(tree, '/etc/planted', '', ['etc/planted/x'])).toEqual(['etc/planted/x']);
  expect(protectedIn(tree, '/etc', '/etc/planted', ['etc/planted', 'etc/planted/x'])).toEqual(['etc/planted/x']);
});

test('entries may be written in any way', () => {
  const paths = ['etc/x', 'usr/x'];
  for (const entry of ['etc', '/etc/', '//etc/./', '/usr/../etc', '/../etc'])
    expect([entry, protectedIn(etc, entry, '', paths)]).toEqual([entry, ['etc/x']]);
  expect(protectedIn(etc, '/', '', paths)).toEqual(paths);
  expect(protectedIn(etc, `/etc/${'x'.repeat(300)} /${'y'.repeat(300)}/z`, '', ['etc/x'])).toEqual([]);
});

test('an empty file that keeps a directory is never protected, nor is what is no file or symlink (F.1)', () => {
  const config = new ConfigProtect([{ path: ascii('etc'), isDirectory: true }], []);
  const says = (path: string, type: 'file' | 'symlink' | 'directory' | 'fifo' | 'char', size: number) =>
    config.isProtected(ascii(path), { type, size });
  expect(says('etc/.keep', 'file', 0)).toBe(false);
  expect(says('etc/.keep_x-y', 'file', 0)).toBe(false);
  expect(says('etc/.keep', 'file', 1)).toBe(true);
  expect(says('etc/.keep/x', 'file', 0)).toBe(true);
  expect(says('etc/keep', 'file', 0)).toBe(true);
  expect(says('etc/.keep', 'symlink', 0)).toBe(true);
  expect([says('etc/a', 'directory', 0), says('etc/a', 'fifo', 0), says('etc/a', 'char', 0)]).toEqual([
    false,
    false,
    false,
  ]);
  expect(config.covers(ascii('etc/.keep'))).toBe(true);
});
