import { countCalls } from '@emplace/fixtures/faults';
import type { FileHandle, FsPort, Timestamp } from '@emplace/fsprobe';
import { ascii, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { type OwnersIndex, openOwners } from '../../src/ledger/owners.ts';
import { showPackage } from '../../src/ledger/package-name.ts';
import type { Vdb } from '../../src/ledger/vdb.ts';
import { build, type Entry, picture, ROOT } from '../engine/world.ts';
import { installed, Opened, rootWith } from './database.ts';

const INDEX = 'var/db/.pkg.emplace-owners';
/** Long after anything here was written. */
const LATER_SEC = 2_000_000_000;

function owners(index: OwnersIndex, path: string): string[] {
  return index.ownersOf(toBytes(path)).map(showPackage);
}

function withIndex<T>(fs: FsPort, act: (index: OwnersIndex, vdb: Vdb) => T, nowSec = LATER_SEC): T {
  using opened = new Opened(fs);
  return act(openOwners(opened.vdb, nowSec), opened.vdb);
}

function keep(fs: FsPort): void {
  withIndex(fs, (index) => expect(index.save()).toBeUndefined());
}

const zlib = installed('sys-libs/zlib-1', {
  contents: ['dir usr', 'dir usr/lib', 'usr/lib/libz.so.1', 'sym usr/lib/libz.so -> libz.so.1'],
});
const bash = installed('app-shells/bash-5', {
  contents: ['usr/bin/bash', 'sym usr/bin/sh -> bash', 'usr/share/doc/bash/a b'],
});

describe('a path is owned', () => {
  test('by every package that lists it, whatever its type (E.11)', () => {
    const other = installed('a/b-1', { contents: ['usr/bin/sh', 'usr/bin/bash-5'] });
    withIndex(rootWith(...zlib, ...bash, ...other), (index) => {
      expect(owners(index, 'usr/bin/sh')).toEqual(['a/b-1', 'app-shells/bash-5']);
      expect(owners(index, 'usr/lib/libz.so')).toEqual(['sys-libs/zlib-1']);
      expect(owners(index, 'usr/share/doc/bash/a b')).toEqual(['app-shells/bash-5']);
      for (const none of ['', 'usr/bin/bas', 'usr/bin/bash/x', 'bash', 'usr/lib/bash', 'x/usr/bin/sh'])
        expect(owners(index, none)).toEqual([]);
    });
  });

  test('by every package that has something below it, though nobody lists it (E.11)', () => {
    withIndex(rootWith(...zlib, ...bash), (index) => {
      expect(owners(index, 'usr')).toEqual(['app-shells/bash-5', 'sys-libs/zlib-1']);
      expect(owners(index, 'usr/share/doc')).toEqual(['app-shells/bash-5']);
    });
  });

  test('through a symlink to its directory, in whichever way it was listed (E.11)', () => {
    const old = installed('a/old-1', { contents: ['lib64/libo.so.1', 'lib64/both'] });
    const fresh = installed('a/new-1', { contents: ['usr/lib/libn.so.1', 'usr/lib/both'] });
    const real: Entry[] = [
      { path: 'usr/lib', type: 'directory' },
      { path: 'lib64', type: 'symlink', content: 'usr/lib64' },
      { path: 'usr/lib64', type: 'symlink', content: '/usr/lib' },
    ];
    withIndex(rootWith(...old, ...fresh, ...real), (index) => {
      for (const way of ['lib64', 'usr/lib', 'usr/lib64']) {
        expect(owners(index, `${way}/libo.so.1`)).toEqual(['a/old-1']);
        expect(owners(index, `${way}/libn.so.1`)).toEqual(['a/new-1']);
        // Who lists it by this way comes first; the others are found when they are asked for.
        expect(owners(index, `${way}/both`)).toEqual(
          way === 'lib64' ? ['a/old-1'] : way === 'usr/lib' ? ['a/new-1'] : ['a/new-1', 'a/old-1'],
        );
        expect(index.allOwnersOf(ascii(`${way}/both`)).map(showPackage)).toEqual(['a/new-1', 'a/old-1']);
      }
      expect(owners(index, 'lib/libo.so.1')).toEqual([]);
    });
  });

  test('through a bind mount of its directory', () => {
    const fs = rootWith(...zlib, { path: 'usr/lib', type: 'directory' }, { path: 'srv', type: 'directory' });
    fs.mount({ path: '/root/srv', bind: '/root/usr/lib' });
    withIndex(fs, (index) => expect(owners(index, 'srv/libz.so.1')).toEqual(['sys-libs/zlib-1']));
  });

  test('not through a symlink that a user may have planted', () => {
    const fs = rootWith(
      ...zlib,
      { path: 'usr/lib', type: 'directory' },
      { path: 'tmp', type: 'directory', mode: 0o1777 },
      { path: 'tmp/lib', type: 'symlink', content: '/usr/lib', uid: 1000 },
    );
    withIndex(fs, (index) => expect(owners(index, 'tmp/lib/libz.so.1')).toEqual([]));
  });
});

test('one name in 20,000 directories: each directory is looked at once, not once for each question', () => {
  const paths = Array.from({ length: 20_000 }, (_, i) => `site/p${i % 200}/m${i}/__init__.py`);
  const real = paths
    .slice(0, 5000)
    .map((path): Entry => ({ path: path.replace('/__init__.py', ''), type: 'directory' }));
  const alias: Entry = { path: 'alias', type: 'symlink', content: 'site' };
  const fs = countCalls(rootWith(...installed('a/b-1', { contents: paths }), ...real, alias));
  withIndex(fs, (index) => {
    const before = fs.calls;
    const wrong = paths.flatMap((path, i) => {
      const answers = [path, path.replace('site', 'alias')].map((one) => owners(index, one).length);
      return answers[0] === 1 && answers[1] === (i < 5000 ? 1 : 0) ? [] : [path];
    });
    expect(wrong).toEqual([]);
    // A few calls for each of 40,000 parents that were asked for, and of 20,000 in the index.
    expect(fs.calls - before).toBeLessThan(5 * 60_000);
  });
});

describe('what is kept beside the database', () => {
  test('is believed where nothing changed: no CONTENTS is read', () => {
    const fs = rootWith(...zlib, ...bash);
    keep(fs);
    const counted = countCalls(fs);
    withIndex(counted, (index) => {
      expect([index.read, index.packages]).toEqual([0, 2]);
      expect(owners(index, 'usr/bin/sh')).toEqual(['app-shells/bash-5']);
    });
    expect(counted.byName.get('openFile')).toBe(1);
  });

  test('is for everybody to read', () => {
    const fs = rootWith(...zlib);
    keep(fs);
    using opened = new Opened(fs);
    expect(fs.stat(opened.root, ascii(INDEX))).toMatchObject({ type: 'file', mode: 0o644, uid: 0 });
  });

  test('is brought up to date by reading what changed, came or went, and nothing else', () => {
    const fs = rootWith(...zlib, ...bash, ...installed('a/b-1', { contents: ['usr/bin/b', 'usr/only/here'] }));
    keep(fs);
    remove(fs, 'var/db/pkg/a/b-1');
    build(fs, ROOT, [...installed('a/b-2', { contents: ['usr/bin/b2', 'usr/bin/sh'] })]);
    rewrite(fs, 'var/db/pkg/sys-libs/zlib-1/CONTENTS', 'obj /usr/lib/libz.so.2 d41d8cd98f00b204e9800998ecf8427e 5\n');
    const expected = withIndex(fs, (index) => {
      expect([index.read, index.packages]).toEqual([2, 3]);
      expect(owners(index, 'usr/bin/sh')).toEqual(['a/b-2', 'app-shells/bash-5']);
      for (const gone of ['usr/bin/b', 'usr/only', 'usr/only/here', 'usr/lib/libz.so.1'])
        expect(owners(index, gone)).toEqual([]);
      expect(owners(index, 'usr/lib/libz.so.2')).toEqual(['sys-libs/zlib-1']);
      index.save();
      return index.entries;
    });
    withIndex(fs, (index) => expect([index.read, index.entries]).toEqual([0, expected]));
    remove(fs, INDEX);
    withIndex(fs, (index) => expect([index.read, index.entries]).toEqual([3, expected]));
  });

  test('forgets a package that went while all others stayed as they were', () => {
    const fs = rootWith(...zlib, ...bash);
    keep(fs);
    remove(fs, 'var/db/pkg/app-shells/bash-5');
    withIndex(fs, (index) => {
      expect([index.read, index.packages]).toEqual([0, 1]);
      expect(owners(index, 'usr/bin/sh')).toEqual([]);
      expect(owners(index, 'usr')).toEqual(['sys-libs/zlib-1']);
    });
  });

  test('is not believed of a CONTENTS that was as fresh as its clock is coarse when it was read', () => {
    const fs = rootWith(...zlib, ...bash);
    const written = fileTime(fs, 'var/db/pkg/sys-libs/zlib-1/CONTENTS');
    withIndex(fs, (index) => index.save(), written.sec + 1);
    withIndex(fs, (index) => expect(index.read).toBe(2));
  });

  test.each<[string, (fs: MemoryPort) => void]>([
    ['belongs to somebody else', (fs) => change(fs, (file) => fs.chown(file, 1000, 1000))],
    ['can be written by others', (fs) => change(fs, (file) => fs.chmod(file, 0o664))],
    ['is cut', (fs) => change(fs, (file) => fs.truncate(file, fs.statHandle(file).size - 1))],
    ['has one byte changed', (fs) => change(fs, (file) => damage(fs, file))],
    ['is empty', (fs) => change(fs, (file) => fs.truncate(file, 0))],
    ['is another format', (fs) => change(fs, (file) => fs.write(file, Buffer.from('emplace owners 9')))],
    ['is a directory', (fs) => replaceIndex(fs, { type: 'directory' })],
    ['is a symlink', (fs) => replaceIndex(fs, { type: 'symlink', content: 'x' })],
    ['is a FIFO', (fs) => replaceIndex(fs, { type: 'fifo' })],
  ])('is not believed when it %s: all is read again', (_why, meddle) => {
    const fs = rootWith(...zlib, ...bash);
    keep(fs);
    meddle(fs);
    withIndex(fs, (index) => {
      expect(index.read).toBe(2);
      expect(owners(index, 'usr/bin/sh')).toEqual(['app-shells/bash-5']);
    });
  });

  test('is written only when it is told to, and a failure to write it is told and leaves nothing', () => {
    const fs = rootWith(...zlib);
    const before = picture(fs, ROOT, false);
    fs.setReadOnly('/root', true);
    withIndex(fs, (index) => {
      expect(owners(index, 'usr/lib/libz.so')).toEqual(['sys-libs/zlib-1']);
      expect(index.save()).toMatch(/^`var\/db\/\.pkg\.emplace-owners` cannot be written: EROFS/);
    });
    fs.setReadOnly('/root', false);
    fs.setRoom('/root', { bytesFree: 0 });
    withIndex(fs, (index) => expect(index.save()).toMatch('ENOSPC'));
    expect(picture(fs, ROOT, false)).toEqual(before);
    expect(fs.openHandles()).toBe(0);
  });
});

test('a torn CONTENTS is told with its line, each time, and what could be read of it counts', () => {
  const fs = rootWith(...installed('a/b-1', { contents: ['usr/x', '! obj /usr/torn', 'usr/y'] }));
  keep(fs);
  withIndex(fs, (index) => {
    const problem = { code: 'CONTENTS_DAMAGED', message: expect.stringMatching(/CONTENTS`, line 2: /) };
    expect(index.problems).toEqual([expect.objectContaining(problem)]);
    expect([owners(index, 'usr/x'), owners(index, 'usr/y'), owners(index, 'usr/torn')]).toEqual([
      ['a/b-1'],
      ['a/b-1'],
      [],
    ]);
  });
});

test('an entry without CONTENTS owns nothing', () => {
  withIndex(rootWith(...zlib, ...installed('a/b-1', {})), (index) => {
    expect(index.packages).toBe(2);
    expect(owners(index, 'usr')).toEqual(['sys-libs/zlib-1']);
  });
});

const component = fc.constantFrom('a', 'b', 'lib', 'x\xff', 'y\ny', ' ', '__init__.py');
const somePath = fc
  .array(component, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/').replaceAll('\n', '\t'));
const someDatabase = fc.array(fc.uniqueArray(somePath, { maxLength: 12 }), { minLength: 1, maxLength: 5 });

test('whatever was listed and whatever was kept before, it answers as a search through all CONTENTS does', () => {
  fc.assert(
    fc.property(someDatabase, someDatabase, fc.array(somePath, { maxLength: 20 }), (first, second, asked) => {
      let sec = 1_500_000_000;
      const packagesOf = (lists: readonly (readonly string[])[]): Entry[] =>
        lists
          .flatMap((contents, i) => installed(`a/p-${i}`, { contents }))
          .map((one) => ({ ...one, mtime: { sec: sec++, nsec: 0 } }));
      const fs = rootWith(...packagesOf(first));
      keep(fs);
      for (const i of first.keys()) remove(fs, `var/db/pkg/a/p-${i}`);
      // They get the inodes that were just freed.
      build(fs, ROOT, packagesOf(second));
      withIndex(fs, (index) => {
        for (const path of [...asked, ...first.flat(), ...second.flat()]) {
          const expected = second.flatMap((list, i) =>
            list.some((one) => one === path || one.startsWith(`${path}/`)) ? [`a/p-${i}`] : [],
          );
          expect(owners(index, path)).toEqual(expected);
        }
      });
    }),
    { numRuns: 60 },
  );
});

function remove(fs: FsPort, path: string): void {
  const slash = path.lastIndexOf('/');
  const dir = fs.openRoot(ascii(`${ROOT}/${path.slice(0, slash)}`));
  const name = ascii(path.slice(slash + 1));
  if (fs.stat(dir, name)?.type === 'directory') {
    const inner = fs.openDir(dir, name);
    for (const { name: file } of fs.list(inner)) fs.unlink(inner, file);
    fs.closeDir(inner);
    fs.rmdir(dir, name);
  } else {
    fs.unlink(dir, name);
  }
  fs.closeDir(dir);
}

/** By renaming another one into its place. */
function rewrite(fs: FsPort, path: string, content: string): void {
  build(fs, ROOT, [{ path: `${path}.new`, content }]);
  const slash = path.lastIndexOf('/');
  const dir = fs.openRoot(ascii(`${ROOT}/${path.slice(0, slash)}`));
  const name = path.slice(slash + 1);
  fs.rename(dir, ascii(`${name}.new`), dir, ascii(name));
  fs.closeDir(dir);
}

function replaceIndex(fs: FsPort, entry: Omit<Entry, 'path'>): void {
  remove(fs, INDEX);
  build(fs, ROOT, [{ ...entry, path: INDEX }]);
}

function damage(fs: FsPort, file: FileHandle): void {
  fs.write(file, Buffer.from([0xff]), fs.statHandle(file).size >> 1);
}

function change(fs: FsPort, act: (file: FileHandle) => void): void {
  const dir = fs.openRoot(ascii(`${ROOT}/var/db`));
  const file = fs.openWritable(dir, ascii('.pkg.emplace-owners'));
  act(file);
  fs.closeFile(file);
  fs.closeDir(dir);
}

function fileTime(fs: FsPort, path: string): Timestamp {
  const dir = fs.openRoot(ROOT);
  const slash = path.lastIndexOf('/');
  const at = fs.openDir(dir, ascii(path.slice(0, slash)));
  const stat = fs.stat(at, ascii(path.slice(slash + 1)));
  fs.closeDir(at);
  fs.closeDir(dir);
  if (stat === undefined) throw new Error(`no ${path}`);
  return stat.mtime;
}
