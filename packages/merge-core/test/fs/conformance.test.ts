import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { describe, expect } from '@jest/globals';
import { errno, HERE, onBothPorts } from './conformance.ts';

/** Every byte that a name may have. */
const ALL_BYTES = Buffer.from(Array.from({ length: 255 }, (_, i) => i + 1).filter((unit) => unit !== 0x2f));

onBothPorts(({ scene, test, deviceTest, rootTest }) => {
  describe('rename', () => {
    test('does not put a directory over one that has entries', () => {
      using s = scene();
      s.make('a/', 'a/x=1', 'b/', 'b/y=2');
      expect(s.rename('a', 'b')).toBe('ENOTEMPTY');
      expect(s.tree()).toEqual(['a/', 'a/x=1', 'b/', 'b/y=2']);
    });

    test('puts a directory over an empty one', () => {
      using s = scene();
      s.make('a/', 'a/x=1', 'b/');
      const { ino } = s.stat('a');
      expect(s.rename('a', 'b')).toBe('success');
      expect(s.tree()).toEqual(['b/', 'b/x=1']);
      expect(s.stat('b').ino).toBe(ino);
    });

    test('moves a symlink itself, whatever it points to', () => {
      using s = scene();
      s.make('d/', 'd/x=1', 'f=2', 'to-dir->d', 'to-file->f', 'to-none->none');
      for (const name of ['to-dir', 'to-file', 'to-none']) expect(s.rename(name, `d/${name}`)).toBe('success');
      expect(s.tree()).toEqual(['d/', 'd/to-dir->d', 'd/to-file->f', 'd/to-none->none', 'd/x=1', 'f=2']);
    });

    test('replaces a symlink itself, whatever it points to', () => {
      using s = scene();
      s.make('d/', 'a=1', 'b=2', 'to-dir->d', 'to-file->keep', 'keep=kept');
      expect([s.rename('a', 'to-dir'), s.rename('b', 'to-file')]).toEqual(['success', 'success']);
      expect(s.tree()).toEqual(['d/', 'keep=kept', 'to-dir=1', 'to-file=2']);
    });

    test('does not put a file over a directory, not even an empty one', () => {
      using s = scene();
      s.make('f=1', 'd/', 'l->d');
      expect([s.rename('f', 'd'), s.rename('l', 'd')]).toEqual(['EISDIR', 'EISDIR']);
      expect(s.tree()).toEqual(['d/', 'f=1', 'l->d']);
    });

    test('does not put a directory over anything else', () => {
      using s = scene();
      s.make('d/', 'd/x=1', 'f=1', 'l->d', 'p|');
      expect([s.rename('d', 'f'), s.rename('d', 'l'), s.rename('d', 'p')]).toEqual(['ENOTDIR', 'ENOTDIR', 'ENOTDIR']);
      expect(s.tree()).toEqual(['d/', 'd/x=1', 'f=1', 'l->d', 'p|']);
    });

    test('of one name of a file onto another leaves both', () => {
      using s = scene();
      s.make('a=1', 'b==a', 'd/', 'd/c==a');
      expect([s.rename('a', 'b'), s.rename('d/c', 'a'), s.rename('a', 'a')]).toEqual(['success', 'success', 'success']);
      expect(s.tree()).toEqual(['a=1', 'b=1', 'd/', 'd/c=1']);
      expect(s.stat('a').nlink).toBe(3);
    });

    test('does not put a directory into itself or below', () => {
      using s = scene();
      s.make('a/', 'a/b/', 'a/b/c/');
      expect([s.rename('a', 'a/x'), s.rename('a', 'a/b/x'), s.rename('a', 'a/b/c')]).toEqual([
        'EINVAL',
        'EINVAL',
        'EINVAL',
      ]);
      expect(s.tree()).toEqual(['a/', 'a/b/', 'a/b/c/']);
    });

    test('does not put anything over a directory that holds it', () => {
      using s = scene();
      s.make('a/', 'a/b/', 'a/b/f=1');
      expect([s.rename('a/b/f', 'a'), s.rename('a/b', 'a')]).toEqual(['ENOTEMPTY', 'ENOTEMPTY']);
    });

    test('of what is not there changes nothing', () => {
      using s = scene();
      s.make('f=1');
      expect([s.rename('none', 'f'), s.rename('none', 'new')]).toEqual(['ENOENT', 'ENOENT']);
      expect(s.tree()).toEqual(['f=1']);
    });

    deviceTest('and link and exchange go to no other device', () => {
      using s = scene();
      s.make('f=1', 'd/');
      s.fs.mkdir(s.other, ascii('there'), 0o755);
      const [from, name, to] = [s.dir, ascii('f'), s.other];
      expect(errno(() => s.fs.rename(from, name, to, ascii('new')))).toBe('EXDEV');
      expect(errno(() => s.fs.rename(from, ascii('d'), to, ascii('there')))).toBe('EXDEV');
      expect(errno(() => s.fs.link(from, name, to, ascii('new')))).toBe('EXDEV');
      expect(errno(() => s.fs.exchange(from, ascii('d'), to, ascii('there')))).toBe('EXDEV');
      expect(s.fs.stat(s.other, HERE)?.dev).not.toBe(s.stat('').dev);
      expect(s.fs.stat(s.other, HERE)?.mountId).not.toBe(s.stat('').mountId);
      expect([s.tree(), s.tree(s.other)]).toEqual([['d/', 'f=1'], ['there/']]);
    });
  });

  describe('a rename to a new name', () => {
    test('moves files and whole directories where nothing is', () => {
      using s = scene();
      s.make('f=1', 'd/', 'd/x=1', 'sub/');
      expect([s.renameNew('f', 'sub/g'), s.renameNew('d', 'sub/e')]).toEqual(['success', 'success']);
      expect(s.tree()).toEqual(['sub/', 'sub/e/', 'sub/e/x=1', 'sub/g=1']);
    });

    test('replaces nothing, not even another link of the same inode or an empty directory', () => {
      using s = scene();
      s.make('f=1', 'g=2', 'd/', 'e/');
      s.link('f', 'h');
      expect([s.renameNew('f', 'g'), s.renameNew('f', 'h'), s.renameNew('d', 'e')]).toEqual([
        'EEXIST',
        'EEXIST',
        'EEXIST',
      ]);
      expect(s.renameNew('none', 'new')).toBe('ENOENT');
      expect(s.tree()).toEqual(['d/', 'e/', 'f=1', 'g=2', 'h=1']);
    });
  });

  describe('exchange', () => {
    test('swaps a file and a directory with all that is in it', () => {
      using s = scene();
      s.make('d/', 'd/x=1', 'sub/', 'sub/f=2');
      const [d, f] = [s.stat('d').ino, s.stat('sub/f').ino];
      expect(s.exchange('d', 'sub/f')).toBe('success');
      expect(s.tree()).toEqual(['d=2', 'sub/', 'sub/f/', 'sub/f/x=1']);
      expect([s.stat('d').ino, s.stat('sub/f').ino]).toEqual([f, d]);
      expect([s.stat('').nlink, s.stat('sub').nlink]).toEqual([3, 3]);
    });

    test('swaps symlinks themselves, and full directories', () => {
      using s = scene();
      s.make('l->x', 'f=1', 'a/', 'a/1=1', 'b/', 'b/2=2');
      expect([s.exchange('l', 'f'), s.exchange('a', 'b')]).toEqual(['success', 'success']);
      expect(s.tree()).toEqual(['a/', 'a/2=2', 'b/', 'b/1=1', 'f->x', 'l=1']);
    });

    test('needs both, neither inside the other', () => {
      using s = scene();
      s.make('a/', 'a/b/', 'f=1');
      expect([s.exchange('f', 'none'), s.exchange('none', 'f')]).toEqual(['ENOENT', 'ENOENT']);
      expect([s.exchange('a', 'a/b'), s.exchange('a/b', 'a')]).toEqual(['EINVAL', 'EINVAL']);
      expect(s.tree()).toEqual(['a/', 'a/b/', 'f=1']);
    });
  });

  describe('the number of names', () => {
    test('of a file falls when one is replaced, removed or was there before', () => {
      using s = scene();
      s.make('a=1', 'b==a', 'c==a', 'new=2');
      const links = (): number => s.stat('a').nlink;
      const seen = [links()];
      s.rename('new', 'c');
      seen.push(links());
      s.at('b', s.fs.unlink);
      seen.push(links());
      expect(seen).toEqual([3, 2, 1]);
      expect(s.tree()).toEqual(['a=1', 'c=2']);
    });

    test('of a directory counts the directories in it', () => {
      using s = scene();
      s.make('a/', 'a/1/', 'a/2/', 'b/', 'a/f=');
      expect([s.stat('a').nlink, s.stat('b').nlink]).toEqual([4, 2]);
      s.rename('a/1', 'b/1');
      expect([s.stat('a').nlink, s.stat('b').nlink]).toEqual([3, 3]);
      s.make('b/3/');
      s.rename('a/2', 'b/3');
      s.at('b/1', s.fs.rmdir);
      expect([s.stat('a').nlink, s.stat('b').nlink]).toEqual([2, 3]);
    });

    test('falls to none for a file that is still open, which can be read on', () => {
      using s = scene();
      s.make('a=old', 'b=new');
      s.reading('a', (file) => {
        s.rename('b', 'a');
        expect(s.fs.statHandle(file).nlink).toBe(0);
        expect(s.rest(file)).toBe('old');
        expect(s.stat('a').ino).not.toBe(s.fs.statHandle(file).ino);
      });
      expect(s.tree()).toEqual(['a=new']);
    });
  });

  describe('a link', () => {
    test('leads to the same file, and does not replace', () => {
      using s = scene();
      s.make('a=1', 'b=2', 'l->b');
      expect([s.link('a', 'c'), s.link('a', 'b'), s.link('a', 'l'), s.link('none', 'x')]).toEqual([
        ...['success', 'EEXIST', 'EEXIST', 'ENOENT'],
      ]);
      expect(s.stat('c').ino).toBe(s.stat('a').ino);
      expect(s.tree()).toEqual(['a=1', 'b=2', 'c=1', 'l->b']);
    });

    test('to a symlink is a second name of the symlink', () => {
      using s = scene();
      s.make('l->nowhere');
      expect(s.link('l', 'k')).toBe('success');
      expect(s.tree()).toEqual(['k->nowhere', 'l->nowhere']);
      expect(s.stat('k').nlink).toBe(2);
    });

    test('to a FIFO is a second name of it, to a directory there is none', () => {
      using s = scene();
      s.make('p|', 'd/');
      expect([s.link('p', 'q'), s.link('d', 'e')]).toEqual(['success', 'EPERM']);
      expect(s.tree()).toEqual(['d/', 'p|', 'q|']);
    });
  });

  describe('removing', () => {
    test('tells directories and the rest apart', () => {
      using s = scene();
      s.make('d/', 'f=1', 'l->d', 'full/', 'full/x=1');
      const { unlink, rmdir } = s.fs;
      expect([s.at('d', unlink), s.at('f', rmdir), s.at('l', rmdir), s.at('full', rmdir)]).toEqual([
        ...['EISDIR', 'ENOTDIR', 'ENOTDIR', 'ENOTEMPTY'],
      ]);
      expect([s.at('none', unlink), s.at('none', rmdir)]).toEqual(['ENOENT', 'ENOENT']);
      expect([s.at('d', rmdir), s.at('f', unlink)]).toEqual(['success', 'success']);
      expect(s.tree()).toEqual(['full/', 'full/x=1', 'l->d']);
    });

    test('a symlink to a directory leaves that directory as it is', () => {
      using s = scene();
      s.make('d/', 'd/x=1', 'l->d');
      expect(s.at('l', s.fs.unlink)).toBe('success');
      expect(s.tree()).toEqual(['d/', 'd/x=1']);
    });
  });

  describe('making', () => {
    test('does not touch what is there', () => {
      using s = scene();
      s.make('f=1', 'd/', 'l->none');
      const { fs } = s;
      for (const name of ['f', 'd', 'l']) {
        expect(s.at(name, (dir, at) => fs.mkdir(dir, at, 0o755))).toBe('EEXIST');
        expect(s.at(name, (dir, at) => fs.symlink(dir, at, ascii('x')))).toBe('EEXIST');
        expect(s.at(name, (dir, at) => fs.mknod(dir, at, 'fifo', 0o644, 0))).toBe('EEXIST');
        expect(s.at(name, (dir, at) => fs.createFile(dir, at, 0o644))).toBe('EEXIST');
      }
      expect(s.tree()).toEqual(['d/', 'f=1', 'l->none']);
    });

    test('gives the mode as asked for', () => {
      using s = scene();
      s.within('', (dir) => {
        s.fs.mkdir(dir, ascii('d'), 0o1777);
        s.fs.mknod(dir, ascii('p'), 'fifo', 0o622, 0);
        s.fs.closeFile(s.fs.createFile(dir, ascii('f'), 0o4711));
      });
      expect(['d', 'p', 'f'].map((name) => s.stat(name).mode)).toEqual([0o1777, 0o622, 0o4711]);
    });

    rootTest('device nodes, which list and stat tell from the rest', () => {
      using s = scene();
      s.make('d/', 'f=', 'l->x', 'p|');
      s.fs.mknod(s.dir, ascii('c'), 'char', 0o666, 0x0103);
      s.fs.mknod(s.dir, ascii('b'), 'block', 0o600, 0x0801);
      const types = { b: 'block', c: 'char', d: 'directory', f: 'file', l: 'symlink', p: 'fifo' };
      const named = s.fs.list(s.dir);
      expect(Object.fromEntries(named.map(({ name, type }) => [name, type]))).toEqual(types);
      expect(Object.fromEntries(named.map(({ name }) => [name, s.stat(name).type]))).toEqual(types);
      expect([s.stat('c').rdev, s.stat('b').rdev, s.stat('f').rdev]).toEqual([0x0103, 0x0801, 0]);
      expect(s.rename('c', 'b')).toBe('success');
      expect(s.stat('b').rdev).toBe(0x0103);
    });

    test('changes the times of its directory, as removing and renaming do', () => {
      using s = scene();
      s.make('d/', 'd/f=1', 'e/');
      const old = { sec: 1, nsec: 0 };
      const touched = (act: () => void): string[] => {
        for (const path of ['d', 'e']) s.pinned(path, (dir) => s.fs.setTimes(dir, old));
        act();
        return ['d', 'e'].filter((path) => s.stat(path).mtime.sec !== 1);
      };
      expect(touched(() => s.make('d/g=1'))).toEqual(['d']);
      expect(touched(() => s.rename('d/f', 'e/f'))).toEqual(['d', 'e']);
      expect(touched(() => s.exchange('d/g', 'e/f'))).toEqual(['d', 'e']);
      expect(touched(() => s.at('e/f', s.fs.unlink))).toEqual(['e']);
      expect(touched(() => s.rename('none', 'e/f'))).toEqual([]);
    });
  });

  describe('names are bytes', () => {
    test('with every value that there is', () => {
      using s = scene();
      const names = [ALL_BYTES.subarray(0, 127), ALL_BYTES.subarray(127)].map(toBytes);
      names.push(toBytes(Buffer.from([0xff])), ascii('new\nline'), toBytes('ünï'), toBytes(Buffer.from([0xc3, 0x28])));
      names.push(ascii('__proto__'), ascii('constructor'), ascii(' '), ascii('...'));
      for (const name of names) s.fs.closeFile(s.fs.createFile(s.dir, name, 0o600));
      const listed = (): Bytes[] =>
        s.fs
          .list(s.dir)
          .map(({ name }) => name)
          .sort();
      expect(listed()).toEqual(names.toSorted());
      for (const name of names) s.fs.rename(s.dir, name, s.dir, `${name}.` as Bytes);
      expect(listed()).toEqual(names.map((name) => `${name}.`).sort());
    });

    test('and so is what a symlink holds', () => {
      using s = scene();
      const target = toBytes(ALL_BYTES);
      s.fs.symlink(s.dir, ascii('l'), `/${target}/..//` as Bytes);
      expect(s.fs.readlink(s.dir, ascii('l'))).toBe(`/${target}/..//`);
      expect(s.stat('l').size).toBe(`/${target}/..//`.length);
      expect(errno(() => s.fs.symlink(s.dir, ascii('e'), HERE))).toBe('ENOENT');
    });

    test('of which 255 fit and 256 do not', () => {
      using s = scene();
      const [fits, tooLong] = [255, 256].map((length) => '\xe4'.repeat(length)) as [string, string];
      s.make(`${fits}=1`, 'a=2');
      expect([s.rename('a', tooLong), s.link('a', tooLong), s.rename(tooLong, 'a'), s.exchange('a', tooLong)]).toEqual(
        Array(4).fill('ENAMETOOLONG'),
      );
      expect(s.at(tooLong, (dir, name) => s.fs.mkdir(dir, name, 0o755))).toBe('ENAMETOOLONG');
      expect(s.at(tooLong, (dir, name) => s.fs.stat(dir, name))).toBe('ENAMETOOLONG');
      expect(s.tree()).toEqual(['a=2', `${fits}=1`]);
    });
  });

  describe('looking up', () => {
    test('follows no symlink on the way and does not leave the directory (G6)', () => {
      using s = scene();
      s.make('d/', 'd/e/', 'l->d', 'd/up->..', 'f=1', 'out->/');
      const open = (path: string): string => errno(() => s.fs.closeDir(s.fs.openDir(s.dir, ascii(path))));
      expect(['d/e', 'd/../d', './d//e/', 'd/e/../..', ''].map(open)).toEqual(Array(5).fill('success'));
      expect(['l', 'l/e', 'd/up', 'd/up/d', 'out'].map(open)).toEqual(Array(5).fill('ELOOP'));
      expect(['..', 'd/../..', '/', '/tmp'].map(open)).toEqual(Array(4).fill('EXDEV'));
      expect(['none', 'd/none', 'none/e', 'f', 'f/x'].map(open)).toEqual([
        'ENOENT',
        'ENOENT',
        'ENOENT',
        'ENOTDIR',
        'ENOTDIR',
      ]);
    });

    test('finds nothing, and says so for each call', () => {
      using s = scene();
      const name = ascii('none');
      expect(s.fs.stat(s.dir, name)).toBeUndefined();
      const calls = [s.fs.openFile, s.fs.pin, s.fs.readlink];
      expect(calls.map((call) => errno(() => call(s.dir, name)))).toEqual(Array(3).fill('ENOENT'));
    });

    test('opens neither symlinks nor reads what is none', () => {
      using s = scene();
      s.make('f=1', 'l->f', 'd/');
      expect(s.at('l', s.fs.openFile)).toBe('ELOOP');
      expect([s.at('f', s.fs.readlink), s.at('d', s.fs.readlink)]).toEqual(['EINVAL', 'EINVAL']);
    });

    test('pins a symlink itself', () => {
      using s = scene();
      s.make('f=1', 'l->f');
      s.pinned('l', (file) => {
        expect(s.fs.statHandle(file)).toMatchObject({ type: 'symlink', ino: s.stat('l').ino, mode: 0o777 });
        expect(errno(() => s.fs.read(file, Buffer.alloc(1)))).toBe('EBADF');
      });
    });
  });

  describe('an open directory', () => {
    test('is the same one after it was renamed or another took its name', () => {
      using s = scene();
      s.make('a/', 'a/x=1', 'b/', 'b/y=2');
      const dir = s.fs.openDir(s.dir, ascii('a'));
      s.rename('a', 'b/moved');
      s.make('a/');
      s.fs.mkdir(dir, ascii('new'), 0o755);
      s.fs.closeDir(dir);
      expect(s.tree()).toEqual(['a/', 'b/', 'b/moved/', 'b/moved/new/', 'b/moved/x=1', 'b/y=2']);
    });

    test('follows an exchange', () => {
      using s = scene();
      s.make('a/', 'a/x=1', 'f=2');
      const dir = s.fs.openDir(s.dir, ascii('a'));
      s.exchange('a', 'f');
      expect(s.fs.list(dir)).toEqual([{ name: 'x', type: 'file' }]);
      s.fs.closeDir(dir);
    });

    test('that was removed has no names and takes none', () => {
      using s = scene();
      s.make('a/', 'f=1');
      const dir = s.fs.openDir(s.dir, ascii('a'));
      s.at('a', s.fs.rmdir);
      const { fs } = s;
      const name = ascii('x');
      expect(fs.stat(dir, HERE)).toMatchObject({ type: 'directory', nlink: 0 });
      const calls = [
        () => fs.mkdir(dir, name, 0o755),
        () => fs.createFile(dir, name, 0o644),
        () => fs.symlink(dir, name, name),
        () => fs.mknod(dir, name, 'fifo', 0o644, 0),
        () => fs.rename(s.dir, ascii('f'), dir, name),
        () => fs.link(s.dir, ascii('f'), dir, name),
        () => fs.openDir(dir, name),
        () => fs.unlink(dir, name),
        () => fs.list(dir),
      ];
      expect(calls.map(errno)).toEqual(calls.map(() => 'ENOENT'));
      fs.closeDir(dir);
      expect(s.tree()).toEqual(['f=1']);
    });

    test('that was replaced by an empty rename is removed as well', () => {
      using s = scene();
      s.make('a/', 'b/');
      const dir = s.fs.openDir(s.dir, ascii('b'));
      s.rename('a', 'b');
      expect(s.fs.stat(dir, HERE)?.nlink).toBe(0);
      s.fs.closeDir(dir);
    });

    test('may be opened anew and listed twice', () => {
      using s = scene();
      s.make('a=1', 'd/');
      const again = s.fs.openDir(s.dir, HERE);
      expect(s.fs.list(again)).toEqual(s.fs.list(again));
      expect(s.fs.list(again)).toHaveLength(2);
      expect(s.fs.stat(again, HERE)).toEqual(s.stat(''));
      s.fs.closeDir(again);
    });
  });

  test('handles are balanced, also by calls that fail', () => {
    using s = scene();
    s.make('f=1', 'd/', 'l->d');
    const before = s.openCount();
    for (const path of ['f', 'd', 'l', 'none', 'x'.repeat(256)]) {
      const name = ascii(path);
      for (const open of [s.fs.openFile, s.fs.pin]) errno(() => s.fs.closeFile(open(s.dir, name)));
      errno(() => s.fs.closeDir(s.fs.openDir(s.dir, name)));
      errno(() => s.fs.closeFile(s.fs.createFile(s.dir, name, 0o644)));
    }
    expect(s.openCount()).toBe(before);
  });

  test('the room on a file system is plausible', () => {
    using s = scene();
    const space = s.fs.space(s.dir);
    expect(space).toMatchObject({ readOnly: false, nameMax: 255 });
    expect(space.magic).toBeGreaterThan(0);
    expect(space.bytesFree).toBeGreaterThan(1 << 20);
    expect(space.inodesFree ?? 1).toBeGreaterThan(0);
    expect(Math.log2(space.blockSize) % 1).toBe(0);
  });
});
