import type { FileHandle } from '@emplace/fsprobe';
import { ascii } from '@emplace/syscalls';
import { describe, expect } from '@jest/globals';
import { errno, HERE, onBothPorts } from './conformance.ts';

const MIB = 1 << 20;

onBothPorts(({ scene, test, deviceTest }) => {
  describe('content', () => {
    test('is written and read at a position that goes on', () => {
      using s = scene();
      s.writing('f', (file) => {
        s.fs.write(file, Buffer.from('one '));
        s.fs.write(file, Buffer.from('two'));
      });
      s.reading('f', (file) => {
        const buffer = Buffer.alloc(4);
        const read = (): string => buffer.toString('latin1', 0, s.fs.read(file, buffer));
        expect([read(), read(), read()]).toEqual(['one ', 'two', '']);
      });
    });

    test('is written and read at an offset, which leaves the position', () => {
      using s = scene();
      s.writing('f', (file) => {
        s.fs.write(file, Buffer.from('one '));
        s.fs.write(file, Buffer.from('E!'), 2);
        s.fs.write(file, Buffer.from('two'));
        const buffer = Buffer.alloc(4);
        const readAt = (offset: number): string => buffer.toString('latin1', 0, s.fs.read(file, buffer, offset));
        expect([readAt(2), readAt(0), readAt(7)]).toEqual(['E!tw', 'onE!', '']);
        expect(errno(() => s.fs.read(file, buffer, -1))).toBe('EINVAL');
        expect(errno(() => s.fs.write(file, buffer, -1))).toBe('EINVAL');
      });
      expect(s.tree()).toEqual(['f=onE!two']);
    });

    test('of a handle for reading stays as it is', () => {
      using s = scene();
      s.make('f=1');
      s.reading('f', (file) => {
        expect(errno(() => s.fs.write(file, Buffer.from('2')))).toBe('EBADF');
        expect(errno(() => s.fs.truncate(file, 0))).toBe('EINVAL');
      });
      expect(s.tree()).toEqual(['f=1']);
    });

    test('of a directory cannot be read', () => {
      using s = scene();
      s.make('d/');
      s.reading('d', (file) => expect(errno(() => s.fs.read(file, Buffer.alloc(9)))).toBe('EISDIR'));
    });

    test('is cut and grown with zeros', () => {
      using s = scene();
      s.writing('f', (file) => {
        s.fs.write(file, Buffer.from('abcdef'));
        s.fs.truncate(file, 3);
        s.fs.truncate(file, 5);
      });
      expect(s.tree()).toEqual(['f=abc\0\0']);
    });
  });

  describe('a hole', () => {
    test('is where nothing was written', () => {
      using s = scene();
      s.writing('f', (file) => {
        s.fs.write(file, Buffer.alloc(100, 'x'), MIB);
        s.fs.truncate(file, 4 * MIB);
        const found = s.fs.nextData(file, 0);
        expect(found?.start).toBe(MIB);
        expect(found?.end).toBeLessThanOrEqual(MIB + 65_536);
        expect(s.fs.nextData(file, found?.end as number)).toBeUndefined();
        expect(s.fs.nextData(file, MIB + 50)).toEqual({ start: MIB + 50, end: found?.end });
        expect(s.fs.nextData(file, 4 * MIB)).toBeUndefined();
      });
      expect(s.stat('f').size).toBe(4 * MIB);
      expect(s.stat('f').blocks * 512).toBeLessThanOrEqual(131_072);
    });

    test('is all that a file has that only grew', () => {
      using s = scene();
      s.writing('f', (file) => {
        s.fs.truncate(file, MIB);
        expect(s.fs.nextData(file, 0)).toBeUndefined();
      });
      expect(s.stat('f')).toMatchObject({ size: MIB, blocks: 0 });
    });

    test('is what cutting and growing leaves', () => {
      using s = scene();
      s.writing('f', (file) => {
        s.fs.write(file, Buffer.alloc(3 * 65_536, 'x'));
        expect(s.fs.nextData(file, 0)).toEqual({ start: 0, end: 3 * 65_536 });
        s.fs.truncate(file, 65_536);
        s.fs.truncate(file, MIB);
        expect(s.fs.nextData(file, 0)).toEqual({ start: 0, end: 65_536 });
        expect(s.fs.nextData(file, 65_536)).toBeUndefined();
      });
    });

    test('does not end a file of odd size early', () => {
      using s = scene();
      s.make('f=abc', 'empty=');
      s.reading('f', (file) => expect(s.fs.nextData(file, 0)).toEqual({ start: 0, end: 3 }));
      s.reading('empty', (file) => expect(s.fs.nextData(file, 0)).toBeUndefined());
    });
  });

  describe('copying a range', () => {
    test('puts it at the same place, up to the end of the source', () => {
      using s = scene();
      s.make('a=0123456789');
      s.reading('a', (from) =>
        s.writing('b', (to) => {
          expect(s.fs.copyRange(from, to, 4, 3)).toBe(3);
          expect(s.fs.copyRange(from, to, 8, 100)).toBe(2);
          expect(s.fs.copyRange(from, to, 10, 100)).toBe(0);
          expect(errno(() => s.fs.copyRange(to, from, 0, 1))).toBe('EBADF');
        }),
      );
      expect(s.tree()).toEqual(['a=0123456789', 'b=\0\0\0\x00456\x0089']);
    });

    deviceTest('to another device is refused or done', () => {
      using s = scene();
      s.make('a=content');
      s.reading('a', (from) => {
        const to = s.fs.createFile(s.other, ascii('b'), 0o644);
        if (errno(() => s.fs.copyRange(from, to, 0, 7)) === 'success') expect(s.tree(s.other)).toEqual(['b=content']);
        else {
          expect(errno(() => s.fs.copyRange(from, to, 0, 7))).toBe('EXDEV');
          expect(s.tree(s.other)).toEqual(['b=']);
        }
        s.fs.closeFile(to);
      });
    });
  });

  describe('a clone', () => {
    test('has the content and goes its own way, or is refused and has none', () => {
      using s = scene();
      s.make('a=content');
      s.reading('a', (from) =>
        s.writing('b', (to) => {
          const result = errno(() => s.fs.clone(from, to));
          expect(['success', 'EOPNOTSUPP']).toContain(result);
          expect(s.stat('b').size).toBe(result === 'success' ? 7 : 0);
          s.fs.write(to, Buffer.from('C'));
          expect(s.tree()).toEqual(['a=content', result === 'success' ? 'b=Content' : 'b=C']);
        }),
      );
    });

    deviceTest('of a file on another device there is none', () => {
      using s = scene();
      s.make('a=content');
      s.reading('a', (from) => {
        const to = s.fs.createFile(s.other, ascii('b'), 0o644);
        expect(errno(() => s.fs.clone(from, to))).toBe('EXDEV');
        s.fs.closeFile(to);
      });
    });
  });

  test('an unnamed file can be used and leaves nothing', () => {
    using s = scene();
    const file = s.fs.createUnnamed(s.dir);
    s.fs.write(file, Buffer.from('content'), 0);
    expect(s.rest(file)).toBe('content');
    expect(s.fs.statHandle(file)).toMatchObject({ type: 'file', nlink: 0, size: 7 });
    s.fs.closeFile(file);
    expect(s.tree()).toEqual([]);
  });

  describe('the path shown of what is held', () => {
    test('is its own, marked when a rename replaced it, and that of where it was moved or exchanged to', () => {
      using s = scene();
      s.make('a=old', 'b=new', 'c=other', 'd/', 'd/e=');
      const top = s.pinned('d', (dir) => s.fs.pathShown(dir))?.slice(0, -2);
      const shown = (file: FileHandle): string | undefined => s.fs.pathShown(file)?.slice(top?.length);
      s.reading('a', (held) => {
        expect(shown(held)).toBe('/a');
        s.within('b', (dir, name) => s.fs.rename(dir, name, dir, ascii('a')));
        expect(shown(held)).toBe('/a (deleted)');
      });
      s.reading('c', (held) => {
        s.within('d/e', (dir, name) => s.fs.rename(s.dir, ascii('c'), dir, name));
        expect(shown(held)).toBe('/d/e');
        s.within('d/e', (dir, name) => s.fs.exchange(dir, name, s.dir, ascii('a')));
        expect(shown(held)).toBe('/a');
      });
    });

    test('is none of a name when it has none', () => {
      using s = scene();
      const file = s.fs.createUnnamed(s.dir);
      expect(s.fs.pathShown(file) ?? ' (deleted)').toMatch(/ \(deleted\)$/);
      s.fs.closeFile(file);
    });
  });

  test('names may be made where permissions let us, and asking of nothing is ENOENT', () => {
    using s = scene();
    s.make('d/');
    expect([s.fs.mayWrite(s.dir, HERE), s.within('d', s.fs.mayWrite)]).toEqual([true, true]);
    expect(s.at('nothing', s.fs.mayWrite)).toBe('ENOENT');
  });

  describe('a lock', () => {
    test('excludes other handles, through any name, until its owner closes', () => {
      using s = scene();
      s.make('a=', 'b==a', 'c=');
      const open = (name: string): FileHandle => s.fs.openFile(s.dir, ascii(name));
      const [owner, other, third] = [open('a'), open('b'), open('c')];
      const tries = (): boolean[] => [owner, other, third].map((file) => s.fs.tryFlock(file));
      expect(tries()).toEqual([true, false, true]);
      expect(tries()).toEqual([true, false, true]);
      s.fs.closeFile(owner);
      expect(s.fs.tryFlock(other)).toBe(true);
      for (const file of [other, third]) s.fs.closeFile(file);
    });

    test('outlives the name of the file', () => {
      using s = scene();
      s.make('a=');
      s.reading('a', (owner) =>
        s.reading('a', (other) => {
          expect(s.fs.tryFlock(owner)).toBe(true);
          s.at('a', s.fs.unlink);
          expect(s.fs.tryFlock(other)).toBe(false);
        }),
      );
    });
  });

  describe('a record lock', () => {
    test('excludes other handles until its owner closes, and is apart from flock', () => {
      using s = scene();
      s.make('a=', 'b==a', 'c=');
      const open = (name: string): FileHandle => s.fs.openWritable(s.dir, ascii(name));
      const [owner, other, third] = [open('a'), open('b'), open('c')];
      const tries = (): boolean[] => [owner, other, third].map((file) => s.fs.tryRecordLock(file));
      expect(tries()).toEqual([true, false, true]);
      expect(tries()).toEqual([true, false, true]);
      expect(s.fs.tryFlock(other)).toBe(true);
      expect(s.fs.recordLockHolder(other)).toBeUndefined();
      s.fs.closeFile(owner);
      expect(s.fs.tryRecordLock(other)).toBe(true);
      for (const file of [other, third]) s.fs.closeFile(file);
    });

    test('is only for who may write', () => {
      using s = scene();
      s.make('a=');
      s.reading('a', (file) => expect(errno(() => s.fs.tryRecordLock(file))).toBe('EBADF'));
    });
  });

  test('what is open can be made durable, what is pinned cannot', () => {
    using s = scene();
    s.make('f=1');
    s.reading('f', (file) => expect(errno(() => s.fs.fsync(file))).toBe('success'));
    s.pinned('f', (file) => expect(errno(() => s.fs.fsync(file))).toBe('EBADF'));
    expect([errno(() => s.fs.fsyncDir(s.dir)), errno(() => s.fs.syncfs(s.dir))]).toEqual(['success', 'success']);
  });
});
