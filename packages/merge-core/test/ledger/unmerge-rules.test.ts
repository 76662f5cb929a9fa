import { thrown } from '@emplace/fixtures';
import { ascii, type Bytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { MergeError } from '../../src/errors.ts';
import { parseContents } from '../../src/ledger/contents.ts';
import { wholeContents } from '../../src/ledger/unmerge-rules.ts';
import { type Entry, world } from '../engine/world.ts';
import { careful, decide, listed, MERGED, obj, printed, sym, unmerge } from './unmerge.ts';

const bin: readonly Entry[] = [
  { path: 'usr', type: 'directory' },
  { path: 'usr/bin', type: 'directory' },
];

test('paths go in reverse order of their bytes, directories last and deepest first (I.1)', () => {
  const tree: Entry[] = [
    ...bin,
    { path: 'usr/bin/a' },
    { path: 'usr/bin/b' },
    { path: 'usr/bin-x', type: 'directory' },
    { path: 'usr/bin-x/c' },
    { path: 'opt', type: 'directory' },
  ];
  const lines = ['dir /usr', 'dir /usr/bin', obj('usr/bin/a'), obj('usr/bin/b'), 'dir /usr/bin-x', obj('usr/bin-x/c')];
  expect(printed(unmerge(tree, [...lines, 'dir /opt']))).toEqual([
    '<<< obj usr/bin/b',
    '<<< obj usr/bin/a',
    '<<< obj usr/bin-x/c',
    '<<< dir usr/bin-x',
    '<<< dir usr/bin',
    '<<< dir usr',
    '<<< dir opt',
  ]);
});

test('of two lines for one path the later counts (G.2)', () => {
  const lines = [obj('usr/bin/a', 'something else'), obj('usr/bin/a')];
  expect(printed(unmerge([...bin, { path: 'usr/bin/a' }], lines, careful))).toEqual(['<<< obj usr/bin/a']);
});

test('nothing outside the prefix goes, nor the prefix itself, nor what a symlink in it leads to (I.2a)', () => {
  const tree: Entry[] = [
    { path: 'gentoo', type: 'directory' },
    { path: 'gentoo/in' },
    { path: 'gentoo-out' },
    { path: 'out', type: 'directory' },
    { path: 'out/behind' },
    { path: 'gentoo/away', type: 'symlink', content: '../out' },
  ];
  const lines = ['dir /gentoo', obj('gentoo/in'), obj('gentoo-out'), obj('gentoo/away/behind')];
  expect(printed(unmerge(tree, lines, { prefix: ascii('gentoo') }))).toEqual([
    '<<< obj gentoo/in',
    '--- !prefix obj gentoo/away/behind',
    '--- !prefix obj gentoo-out',
    '--- !prefix dir gentoo',
  ]);
});

test('what is not there is passed over, below a file and under a name that no file system holds too (I.2b)', () => {
  const tooLong = `usr/${'x'.repeat(300)}`;
  const lines = [obj('usr/bin/a'), obj('usr/bin/file/below'), obj('gone/a'), 'dir /gone', obj(tooLong)];
  expect(printed(unmerge([...bin, { path: 'usr/bin/file' }], lines))).toEqual([
    `--- !found obj ${tooLong}`,
    '--- !found obj usr/bin/file/below',
    '--- !found obj usr/bin/a',
    '--- !found obj gone/a',
    '--- !found dir gone',
  ]);
});

test('what UNINSTALL_IGNORE matches below the prefix stays, and so do the symlinks of the library directories (I.2c)', () => {
  const tree: Entry[] = [
    { path: 'p', type: 'directory' },
    { path: 'p/lib64', type: 'directory' },
    { path: 'p/lib64/modules', type: 'directory' },
    { path: 'p/lib64/modules/6.1', type: 'directory' },
    { path: 'p/lib64/modules/6.1/x.ko' },
    { path: 'p/lib', type: 'symlink', content: 'lib64' },
    { path: 'p/usr', type: 'directory' },
    { path: 'p/usr/lib', type: 'symlink', content: '../lib64' },
    { path: 'p/usr/libx', type: 'symlink', content: 'nowhere' },
  ];
  const lines = [obj('p/lib/modules/6.1/x.ko'), 'dir /p/lib/modules/6.1', sym('p/lib', 'lib64')];
  lines.push(sym('p/usr/lib', '../lib64'), sym('p/usr/libx', 'nowhere'));
  expect(printed(unmerge(tree, lines, { prefix: ascii('p') }))).toEqual([
    '<<< sym p/usr/libx',
    '--- cfgpro sym p/usr/lib',
    '--- cfgpro obj p/lib/modules/6.1/x.ko',
    '--- cfgpro dir p/lib/modules/6.1',
    '--- cfgpro sym p/lib',
  ]);
});

test('what the new version has stays, whatever it is called in the old list (I.2d)', () => {
  const tree: Entry[] = [
    ...bin,
    { path: 'usr/bin/a' },
    { path: 'usr/bin/b' },
    { path: 'bin', type: 'symlink', content: 'usr/bin' },
  ];
  const lines = [obj('usr/bin/a'), obj('bin/b'), 'dir /usr/bin'];
  expect(printed(unmerge(tree, lines, { isReplaced: listed('usr/bin/a', 'usr/bin/b', 'usr/bin') }))).toEqual([
    '--- replaced obj usr/bin/a',
    '--- replaced dir usr/bin',
    '--- replaced obj bin/b',
  ]);
});

describe('a file, symlink or special file that is not protected', () => {
  const tree: Entry[] = [
    ...bin,
    { path: 'usr/bin/edited', content: 'by the administrator', mtime: { sec: 1, nsec: 0 } },
    { path: 'usr/bin/was-file', type: 'symlink', content: 'edited' },
    { path: 'usr/bin/was-link' },
    { path: 'usr/bin/was-dir' },
    { path: 'usr/bin/pipe', type: 'fifo' },
    { path: 'usr/bin/null', type: 'char' },
  ];
  const lines = [
    obj('usr/bin/edited'),
    obj('usr/bin/was-file'),
    sym('usr/bin/was-link', 'a'),
    'dir /usr/bin/was-dir',
    'fif /usr/bin/pipe',
    'dev /usr/bin/null',
  ];

  test('goes whatever it is by now (I.2e)', () => {
    expect(printed(unmerge(tree, lines))).toEqual([
      '<<< sym usr/bin/was-link',
      '<<< obj usr/bin/was-file',
      '<<< dir usr/bin/was-dir',
      '<<< fif usr/bin/pipe',
      '<<< dev usr/bin/null',
      '<<< obj usr/bin/edited',
    ]);
  });

  test('stays with the reason when modified entries are to stay (I.2f, I.2g, I.2h, I.2i, I.2j)', () => {
    expect(printed(unmerge(tree, lines, careful))).toEqual([
      '--- !sym sym usr/bin/was-link',
      '--- !obj obj usr/bin/was-file',
      '--- !dir dir usr/bin/was-dir',
      '--- fif usr/bin/pipe',
      '--- dev usr/bin/null',
      '--- !mtime obj usr/bin/edited',
    ]);
  });
});

test('protected files stay when they were changed, and go when they are as they were merged (I.2e, I.2f, I.2i, F.9)', () => {
  const tree: Entry[] = [
    { path: 'etc', type: 'directory' },
    { path: 'etc/as-merged' },
    { path: 'etc/touched', mtime: { sec: MERGED + 1, nsec: 0 } },
    { path: 'etc/fraction', mtime: { sec: MERGED, nsec: 999_999_999 } },
    { path: 'etc/edited-in-no-time', content: 'other' },
    { path: 'etc/link', type: 'symlink', content: 'as-merged' },
    { path: 'etc/pipe' },
    { path: 'etc/dir', type: 'symlink', content: 'nowhere' },
  ];
  const lines = [obj('etc/as-merged'), obj('etc/touched'), obj('etc/fraction'), obj('etc/edited-in-no-time', 'one')];
  lines.push(sym('etc/link', 'as-merged'), 'fif /etc/pipe', 'dir /etc/dir');
  expect(printed(unmerge(tree, lines, { isProtected: (path) => path.startsWith('etc/') }))).toEqual([
    '--- !mtime obj etc/touched',
    '--- !fif fif etc/pipe',
    '<<< sym etc/link',
    '<<< obj etc/fraction',
    '--- !md5 obj etc/edited-in-no-time',
    '--- cfgpro dir etc/dir',
    '<<< obj etc/as-merged',
  ]);
});

test('a file below a symlink is protected under either of its paths (F.2)', () => {
  const tree: Entry[] = [
    { path: 'etc', type: 'directory' },
    { path: 'etc/conf', content: 'edited', mtime: { sec: 1, nsec: 0 } },
    { path: 'conf.d', type: 'symlink', content: 'etc' },
  ];
  const asked: Bytes[] = [];
  const isProtected = (path: Bytes): boolean => {
    asked.push(path);
    return path === 'etc/conf';
  };
  expect(printed(unmerge(tree, [obj('conf.d/conf')], { isProtected }))).toEqual(['--- !mtime obj conf.d/conf']);
  expect(asked).toEqual(['conf.d/conf', 'etc/conf']);
});

test('a directory where a file was stays, with its time as the reason (I.2f, I.2i)', () => {
  const tree: Entry[] = [
    { path: 'a', type: 'directory', mtime: { sec: MERGED, nsec: 0 } },
    { path: 'b', type: 'directory', mtime: { sec: 1, nsec: 0 } },
  ];
  expect(printed(unmerge(tree, [obj('a'), obj('b')]))).toEqual(['--- !mtime obj b', '--- !obj obj a']);
});

test('nothing is removed that something is mounted on', () => {
  const tree: Entry[] = [{ path: 'data', type: 'directory' }, { path: 'file' }, { path: 'over' }];
  const lines = ['dir /data', obj('file')];
  expect(printed(decide(world(tree, []), lines))).toEqual(['<<< obj file', '<<< dir data']);
  const fs = world(tree, []);
  fs.mount({ path: '/root/data' });
  fs.mount({ path: '/root/file', bind: '/root/over' });
  expect(printed(decide(fs, lines))).toEqual(['--- !mount obj file', '--- !mount dir data']);
});

test('names that are hostile bytes are names like others', () => {
  const names = ['a\u001b[2J', 'b (deleted)', 'c\xff\xfe', ' d ', 'e -> f'];
  const tree = names.map((path) => ({ path }));
  expect(
    printed(
      unmerge(
        tree,
        names.map((name) => obj(name)),
        careful,
      ),
    ),
  ).toEqual(
    [...names]
      .sort()
      .reverse()
      .map((name) => `<<< obj ${name}`),
  );
});

test('a CONTENTS with lines that cannot be read is refused with their numbers: CONTENTS_DAMAGED', () => {
  const content = Buffer.from(`${obj('a')}\nwhat is this\n${obj('b')}\nobj /torn 123`);
  const error = thrown(MergeError, () => wholeContents(parseContents(content), ascii('var/db/pkg/c/p-1/CONTENTS')));
  expect(error.code).toBe('CONTENTS_DAMAGED');
  expect(error.message).toMatch(/`var\/db\/pkg\/c\/p-1\/CONTENTS`, line 2: .*`what is this`\n.*line 4: /);
});
