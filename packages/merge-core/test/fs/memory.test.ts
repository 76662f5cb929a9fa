import type { FileHandle } from '@emplace/fsprobe';
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { type MemoryOptions, type MemoryPort, memoryPort } from '../../src/fs/memory.ts';
import { errno, Scene } from './conformance.ts';

/** A scene in `/tree`, which is on the first file system. */
function world(options: MemoryOptions = {}): { s: Scene; fs: MemoryPort } {
  const fs = memoryPort(options);
  const top = fs.openRoot(ascii('/'));
  for (const name of ['tree', 'other']) if (fs.stat(top, ascii(name)) === undefined) fs.mkdir(top, ascii(name), 0o755);
  fs.closeDir(top);
  return { s: new Scene(fs, ascii('/tree'), ascii('/other'), fs.openHandles, () => {}), fs };
}

function write(s: Scene, path: string, bytes: number): string {
  return s.writing(path, (file) => errno(() => s.fs.write(file, Buffer.alloc(bytes, 'x'))));
}

describe('a mount', () => {
  test('is another file system: nothing is renamed, linked, exchanged or cloned across', () => {
    const { s } = world({ mounts: [{ path: '/tree/m' }] });
    s.make('f=1', 'm/g=2', 'd/', 'm/e/');
    expect([s.rename('f', 'm/f'), s.link('f', 'm/f'), s.exchange('d', 'm/e'), s.rename('m/g', 'g')]).toEqual(
      Array(4).fill('EXDEV'),
    );
    s.reading('f', (from) => s.writing('m/h', (to) => expect(errno(() => s.fs.clone(from, to))).toBe('EXDEV')));
    expect(s.stat('m').dev).not.toBe(s.stat('').dev);
    expect([s.stat('m').mountRoot, s.stat('m/e').mountRoot, s.stat('d').mountRoot]).toEqual([true, false, false]);
    expect(s.stat('m/e')).toMatchObject({ dev: s.stat('m').dev, mountId: s.stat('m').mountId });
    expect(s.tree()).toEqual(['d/', 'f=1', 'm/', 'm/e/', 'm/g=2', 'm/h=']);
  });

  test('keeps its mount point busy', () => {
    const { s } = world({ mounts: [{ path: '/tree/m' }] });
    s.make('d/');
    expect([s.rename('m', 'n'), s.rename('d', 'm'), s.exchange('d', 'm'), s.at('m', s.fs.rmdir)]).toEqual(
      Array(4).fill('EBUSY'),
    );
  });

  test('moves with the directory that it is in', () => {
    const { s } = world({ mounts: [{ path: '/tree/d/m' }] });
    s.make('d/m/f=1');
    expect(s.rename('d', 'e')).toBe('success');
    expect(s.tree()).toEqual(['e/', 'e/m/', 'e/m/f=1']);
  });

  test('may lie in another', () => {
    const { s } = world({ mounts: [{ path: '/tree/m' }, { path: '/tree/m/n' }] });
    expect(new Set(['', 'm', 'm/n'].map((path) => s.stat(path).dev)).size).toBe(3);
    expect(s.rename('m/n', 'm/k')).toBe('EBUSY');
  });

  test('of a directory at a second place has the same files and device, and gives EXDEV all the same', () => {
    const { s, fs } = world();
    s.make('a/', 'a/f=1', 'b/');
    fs.mount({ path: '/tree/b', bind: '/tree/a' });
    expect(s.tree()).toEqual(['a/', 'a/f=1', 'b/', 'b/f=1']);
    const [a, b] = [s.stat('a/f'), s.stat('b/f')];
    expect(b).toEqual({ ...a, mountId: b.mountId });
    expect(b.mountId).not.toBe(a.mountId);
    expect([s.rename('a/f', 'b/g'), s.link('a/f', 'b/g'), s.exchange('a/f', 'b/f')]).toEqual(Array(3).fill('EXDEV'));
    s.reading('a/f', (from) => s.writing('b/c', (to) => expect(errno(() => fs.clone(from, to))).toBe('success')));
    expect(s.tree()).toEqual(['a/', 'a/c=1', 'a/f=1', 'b/', 'b/c=1', 'b/f=1']);
  });

  test('of a file over a file makes that file a mount point', () => {
    const { s, fs } = world();
    s.make('f=old', 'g=bound', 'h=new');
    fs.mount({ path: '/tree/f', bind: '/tree/g' });
    expect(s.tree()).toEqual(['f=bound', 'g=bound', 'h=new']);
    expect(s.stat('f').mountRoot).toBe(true);
    expect([s.rename('h', 'f'), s.at('f', s.fs.unlink)]).toEqual(['EBUSY', 'EBUSY']);
  });

  test('that is read-only takes no change of any kind', () => {
    const { s, fs } = world();
    s.make('f=1', 'd/');
    fs.setReadOnly('/tree', true);
    const { dir } = s;
    const name = ascii('x');
    const pinned = fs.pin(dir, ascii('f'));
    const changes = [
      () => fs.mkdir(dir, name, 0o755),
      () => fs.createFile(dir, name, 0o644),
      () => fs.createUnnamed(dir),
      () => fs.symlink(dir, name, name),
      () => fs.mknod(dir, name, 'fifo', 0o644, 0),
      () => fs.rename(dir, ascii('f'), dir, name),
      () => fs.exchange(dir, ascii('f'), dir, ascii('d')),
      () => fs.link(dir, ascii('f'), dir, name),
      () => fs.unlink(dir, ascii('f')),
      () => fs.rmdir(dir, ascii('d')),
      () => fs.chmod(pinned, 0o600),
      () => fs.chown(pinned, 1, 1),
      () => fs.setTimes(pinned, { sec: 0, nsec: 0 }),
      () => fs.setXattr(pinned, ascii('user.x'), Buffer.from('1')),
      () => fs.removeXattr(pinned, ascii('user.x')),
    ];
    expect(changes.map(errno)).toEqual(changes.map(() => 'EROFS'));
    expect(errno(() => fs.mkdir(dir, ascii('d'), 0o755))).toBe('EEXIST');
    expect(fs.space(dir).readOnly).toBe(true);
    fs.closeFile(pinned);
    expect(s.tree()).toEqual(['d/', 'f=1']);
  });
});

describe('what a file system cannot do', () => {
  test('links, clones, exchanges, unnamed files, attributes, holes, types of entries', () => {
    const able = { links: false, clone: false, exchange: false, unnamed: false, xattrs: false, holes: false };
    const { s, fs } = world({ ...able, entryTypes: false, countsInodes: false, magic: 0x1234 });
    s.make('f=1', 'g=2');
    expect([s.link('f', 'h'), s.exchange('f', 'g')]).toEqual(['EPERM', 'EINVAL']);
    expect(errno(() => fs.createUnnamed(s.dir))).toBe('EOPNOTSUPP');
    s.writing('h', (file) => {
      s.reading('f', (from) => expect(errno(() => fs.clone(from, file))).toBe('EOPNOTSUPP'));
      expect(errno(() => fs.setXattr(file, ascii('user.x'), Buffer.from('1')))).toBe('EOPNOTSUPP');
      expect(errno(() => fs.nextData(file, 0))).toBe('EINVAL');
    });
    expect(fs.list(s.dir).map(({ type }) => type)).toEqual(Array(3).fill(undefined));
    expect(fs.space(s.dir)).toMatchObject({ magic: 0x1234, inodesFree: undefined });
    expect(s.tree()).toEqual(['f=1', 'g=2', 'h=']);
  });

  test('long names, and more links to a file', () => {
    const { s } = world({ nameMax: 8, linkMax: 2 });
    s.make('f=1');
    expect([s.rename('f', 'x'.repeat(9)), s.link('f', 'g'), s.link('f', 'h')]).toEqual([
      'ENAMETOOLONG',
      'success',
      'EMLINK',
    ]);
  });
});

describe('room', () => {
  test('is used by the block, and given back when the last name and handle of a file are gone', () => {
    const { s, fs } = world();
    const free = (): number => fs.space(s.dir).bytesFree;
    const before = free();
    expect(write(s, 'f', 4097)).toBe('success');
    expect(before - free()).toBe(8192);
    s.make('g==f');
    s.at('f', fs.unlink);
    s.reading('g', () => {
      s.at('g', fs.unlink);
      expect(before - free()).toBe(8192);
    });
    expect(free()).toBe(before);
  });

  test('that is not there gives ENOSPC and no half of anything', () => {
    const { s, fs } = world();
    fs.setRoom('/tree', { bytesFree: 4096 });
    expect(write(s, 'f', 4097)).toBe('ENOSPC');
    expect(write(s, 'g', 4096)).toBe('success');
    expect(s.at('d', (dir, name) => fs.mkdir(dir, name, 0o755))).toBe('ENOSPC');
    expect(s.tree()).toEqual(['f=', `g=${'x'.repeat(4096)}`]);
  });

  test('is not used by a hole or a clone', () => {
    const { s, fs } = world();
    expect(write(s, 'f', 4096)).toBe('success');
    fs.setRoom('/tree', { bytesFree: 0 });
    s.writing('sparse', (file) => fs.truncate(file, 1 << 20));
    s.writing('copy', (to) => {
      s.reading('f', (from) => fs.clone(from, to));
      expect(errno(() => fs.write(to, Buffer.from('x')))).toBe('ENOSPC');
    });
    expect(s.stat('copy').size).toBe(4096);
  });

  test('for inodes ends as well', () => {
    const { s, fs } = world();
    fs.setRoom('/tree', { inodesFree: 1 });
    s.make('f=');
    const { mkdir, createFile, symlink, mknod, link } = fs;
    expect(s.at('x', (dir, name) => mkdir(dir, name, 0o755))).toBe('ENOSPC');
    expect(s.at('x', (dir, name) => createFile(dir, name, 0o644))).toBe('ENOSPC');
    expect(s.at('x', (dir, name) => symlink(dir, name, name))).toBe('ENOSPC');
    expect(s.at('x', (dir, name) => mknod(dir, name, 'fifo', 0o644, 0))).toBe('ENOSPC');
    expect(s.at('x', (dir, name) => link(dir, ascii('f'), dir, name))).toBe('success');
    s.at('f', fs.unlink);
    s.at('x', fs.unlink);
    expect(fs.space(s.dir).inodesFree).toBe(1);
  });
});

describe('inode flags', () => {
  test('an immutable file stays in every way; an immutable directory keeps its names', () => {
    const { s, fs } = world();
    s.make('f=1', 'g=2', 'd/', 'd/x=3');
    for (const path of ['/tree/f', '/tree/d']) fs.setFlags(path, { immutable: true });
    expect([s.stat('f').immutable, s.stat('g').immutable]).toEqual([true, false]);
    expect([
      s.rename('f', 'h'),
      s.rename('g', 'f'),
      s.link('f', 'h'),
      s.exchange('f', 'g'),
      s.at('f', fs.unlink),
    ]).toEqual(Array(5).fill('EPERM'));
    expect([
      s.rename('g', 'd/g'),
      s.rename('d/x', 'x'),
      s.at('d/y', (dir, name) => fs.mkdir(dir, name, 0o755)),
    ]).toEqual(Array(3).fill('EPERM'));
    for (const act of [(file: FileHandle) => fs.chmod(file, 0o600), (file: FileHandle) => fs.chown(file, 1, 1)]) {
      s.pinned('f', (file) => expect(errno(() => act(file))).toBe('EPERM'));
    }
    fs.setFlags('/tree/f', { immutable: false });
    expect(s.at('f', fs.unlink)).toBe('success');
  });

  test('an append-only directory takes names and loses none', () => {
    const { s, fs } = world();
    s.make('d/', 'd/x=1', 'f=2');
    fs.setFlags('/tree/d', { appendOnly: true });
    expect([s.rename('f', 'd/f'), s.rename('d/x', 'x'), s.at('d/x', fs.unlink)]).toEqual(['success', 'EPERM', 'EPERM']);
    expect(s.stat('d').appendOnly).toBe(true);
  });
});

describe('opening the root', () => {
  test('follows symlinks, absolute and relative, within the world', () => {
    const { s, fs } = world();
    s.make('d/', 'd/e/', 'rel->d/../d', 'abs->/tree/rel/e', 'loop->loop', 'f=1');
    const open = (path: string): string => errno(() => fs.closeDir(fs.openRoot(ascii(path))));
    expect(['/', '/tree/abs', '/tree/rel/e/..', '/../tree'].map(open)).toEqual(Array(4).fill('success'));
    expect(['/tree/loop', '/tree/f', '/tree/none', 'tree'].map(open)).toEqual(['ELOOP', 'ENOTDIR', 'ENOENT', 'ENOENT']);
  });
});

test('a socket is an entry like any other', () => {
  const { s, fs } = world();
  fs.makeSocket('/tree/s');
  expect([s.rename('s', 't'), s.stat('t').type, s.at('t', fs.openFile)]).toEqual(['success', 'socket', 'ENXIO']);
});

describe('a duplicate of the whole world', () => {
  const options = { mounts: [{ path: '/tree/m' }] };

  /** The tree, every entry's stat and attributes. */
  function pictureOf(fs: MemoryPort): unknown[] {
    using s = new Scene(fs, ascii('/tree'), ascii('/other'), fs.openHandles, () => {});
    const stats = ['a', 'b', 'd', 'd/f', 'l', 'm', 'm/f'].map((path) =>
      s.pinned(path, (file) => [fs.statHandle(file), [...fs.xattrs(file)]]),
    );
    return [s.tree(), stats, fs.space(s.dir)];
  }

  function build(): { s: Scene; fs: MemoryPort } {
    const made = world(options);
    made.s.make('a=1', 'b==a', 'd/', 'd/f=2', 'l->d', 'm/f=3', 'gone=4');
    made.s.at('gone', made.fs.unlink);
    made.s.pinned('d', (file) => made.fs.setXattr(file, ascii('user.k'), Buffer.from('v')));
    return made;
  }

  test('is equal to the inode, and has nothing open', () => {
    const { fs } = build();
    const copy = fs.clone();
    expect(copy.openHandles()).toBe(0);
    expect(pictureOf(copy)).toEqual(pictureOf(fs));
  });

  test('goes its own way', () => {
    const { s, fs } = build();
    const before = pictureOf(fs);
    const copy = fs.clone();
    const c = new Scene(copy, ascii('/tree'), ascii('/other'), copy.openHandles, () => {});
    c.rename('d/f', 'a');
    c.pinned('d', (file) => copy.removeXattr(file, ascii('user.k')));
    c.writing('new', (file) => copy.write(file, Buffer.from('x')));
    c.at('m/f', copy.unlink);
    expect(pictureOf(fs)).toEqual(before);
    expect(c.tree()).toEqual(['a=2', 'b=1', 'd/', 'l->d', 'm/', 'new=x']);
    expect(s.tree()).not.toEqual(c.tree());
  });

  test('has what was open and nameless no more, and its room back', () => {
    const { s, fs } = world();
    const before = { ...fs.space(s.dir) };
    const file = fs.createUnnamed(s.dir);
    fs.write(file, Buffer.alloc(5000));
    fs.tryFlock(file);
    const copy = fs.clone();
    const dir = copy.openRoot(ascii('/tree'));
    expect(copy.space(dir)).toEqual(before);
    fs.crash();
    expect(fs.openHandles()).toBe(0);
    const again = fs.openRoot(ascii('/tree'));
    expect(fs.space(again)).toEqual(before);
  });
});

test('a process that is gone has no locks', () => {
  const { s, fs } = world();
  s.make('lock=');
  expect(fs.tryFlock(fs.openFile(s.dir, ascii('lock')))).toBe(true);
  fs.crash();
  const dir = fs.openRoot(ascii('/tree'));
  expect(fs.tryFlock(fs.openFile(dir, ascii('lock')))).toBe(true);
});

test('an inode number is used anew as soon as it is free', () => {
  const { s, fs } = world();
  s.make('f=1');
  const { ino } = s.stat('f');
  s.at('f', fs.unlink);
  s.make('g=2');
  expect(s.stat('g').ino).toBe(ino);
});

test('a handle that was closed is none', () => {
  const { s, fs } = world();
  s.make('f=1');
  const file = fs.openFile(s.dir, ascii('f'));
  fs.closeFile(file);
  expect([errno(() => fs.closeFile(file)), errno(() => fs.read(file, Buffer.alloc(1)))]).toEqual(['EBADF', 'EBADF']);
});
