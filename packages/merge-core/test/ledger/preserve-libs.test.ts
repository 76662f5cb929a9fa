import { ascii, type Bytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { libraryPath } from '../../src/ledger/libraries/library-path.ts';
import { type ElfObject, parseNeeded } from '../../src/ledger/libraries/needed.ts';
import { librariesToKeep } from '../../src/ledger/preserve-libs.ts';
import { Opened, rootWith } from './database.ts';

function objects(...lines: readonly string[]): readonly ElfObject[] {
  const { objects: found, problems } = parseNeeded(Buffer.from(lines.map((line) => `${line}\n`).join('')));
  expect(problems).toEqual([]);
  return found;
}

/** As a dynamic linker's placeholder, not a template's. */
const BRACES = ['$', '{ORIGIN}'].join('');

interface Change {
  readonly staying: readonly string[];
  readonly leaving: readonly string[];
  readonly links?: Readonly<Record<string, string>>;
}

/** `lib64` is a symlink to `usr/lib64`. */
function kept({ staying, leaving, links = {} }: Change): string[] {
  return librariesToKeep({
    staying: objects(...staying),
    leaving: objects(...leaving),
    links: new Map(Object.entries(links)) as Map<Bytes, Bytes>,
    libraryPath: ['lib64', 'usr/lib64'].map(ascii),
    identify: (directory) => directory.replace(/^lib64/, 'usr/lib64'),
  });
}

const program = 'X86_64;/usr/bin/gzip;;;libz.so.1,libc.so.6;x86_64';
const oldZlib = 'X86_64;/usr/lib64/libz.so.1.3;libz.so.1;;libc.so.6;x86_64';

describe('NEEDED.ELF.2', () => {
  test('gives machine, path, soname, runpath and what is needed, with or without an ABI', () => {
    expect(
      objects(`X86_64;/opt/a/bin/x;;$ORIGIN/../lib:${BRACES}:relative::/usr//lib;liba.so.1,libc.so.6`, oldZlib),
    ).toEqual([
      {
        machine: 'X86_64',
        abi: '',
        path: 'opt/a/bin/x',
        soname: '',
        runpath: ['opt/a/lib', 'opt/a/bin', 'usr/lib'],
        needed: ['liba.so.1', 'libc.so.6'],
      },
      expect.objectContaining({ path: 'usr/lib64/libz.so.1.3', soname: 'libz.so.1', runpath: [], abi: 'x86_64' }),
    ]);
    expect(objects('X86_64;/bin/x;;  -  ;')).toEqual([expect.objectContaining({ runpath: [], needed: [] })]);
  });

  test('is told of lines that say nothing', () => {
    const { objects: found, problems } = parseNeeded(toBytesBuffer('X86_64;/a;b\n\nX86_64;a;;;\nX86_64;/a\xff;;;'));
    expect(found.map(({ path }) => path)).toEqual(['a\xff']);
    expect(problems.map(({ line }) => line)).toEqual([1, 3]);
  });
});

function toBytesBuffer(latin1: string): Buffer {
  return Buffer.from(latin1, 'latin1');
}

describe('a library that would go is kept (A.14)', () => {
  test('when a program that stays needs its soname, with the symlink of that name and no other', () => {
    const links = { 'usr/lib64/libz.so.1': 'usr/lib64/libz.so.1.3', 'usr/lib64/libz.so': 'usr/lib64/libz.so.1.3' };
    expect(kept({ staying: [program], leaving: [oldZlib], links })).toEqual([
      'usr/lib64/libz.so.1',
      'usr/lib64/libz.so.1.3',
    ]);
  });

  test('when one that is kept needs it', () => {
    const leaving = [
      'X86_64;/usr/lib64/liba.so.1;liba.so.1;;libb.so.1;x86_64',
      'X86_64;/usr/lib64/libb.so.1;libb.so.1;;libc1.so;x86_64',
      'X86_64;/usr/lib64/libc1.so;libc1.so;;;x86_64',
      'X86_64;/usr/lib64/libd.so.1;libd.so.1;;liba.so.1;x86_64',
    ];
    const staying = ['X86_64;/usr/bin/x;;;liba.so.1;x86_64'];
    expect(kept({ staying, leaving })).toEqual(['usr/lib64/liba.so.1', 'usr/lib64/libb.so.1', 'usr/lib64/libc1.so']);
  });

  test('when it is found by a runpath, or through a symlink to its directory', () => {
    const leaving = ['X86_64;/opt/x/lib/libx.so.1;libx.so.1;;;x86_64', 'X86_64;/lib64/liby.so.1;liby.so.1;;;x86_64'];
    const staying = ['X86_64;/opt/x/bin/x;;$ORIGIN/../lib;libx.so.1,liby.so.1;x86_64'];
    expect(kept({ staying, leaving })).toEqual(['lib64/liby.so.1', 'opt/x/lib/libx.so.1']);
  });
});

describe('it goes (A.14)', () => {
  test('when nothing needs it, or only what goes too', () => {
    const circle = [
      'X86_64;/usr/lib64/liba.so.1;liba.so.1;;libb.so.1;x86_64',
      'X86_64;/usr/lib64/libb.so.1;libb.so.1;;liba.so.1;x86_64',
    ];
    expect(kept({ staying: [program], leaving: circle })).toEqual([]);
  });

  test('when the new version, or another package, has a library of that name where it is looked for', () => {
    const fresh = 'X86_64;/lib64/libz.so.1.4;libz.so.1;;libc.so.6;x86_64';
    expect(kept({ staying: [program, fresh], leaving: [oldZlib] })).toEqual([]);
    const elsewhere = 'X86_64;/opt/z/libz.so.1;libz.so.1;;;x86_64';
    expect(kept({ staying: [program, elsewhere], leaving: [oldZlib] })).toEqual(['usr/lib64/libz.so.1.3']);
  });

  test('when it is of another ABI, or lies where nobody looks', () => {
    const foreign = ['386;/usr/lib64/libz.so.1;libz.so.1;;;x86_32', 'X86_64;/usr/lib64/x/libz.so.1;libz.so.1;;;x86_64'];
    expect(kept({ staying: [program], leaving: foreign })).toEqual([]);
    const x32 = 'X86_64;/usr/lib64/libz.so.1;libz.so.1;;;x86_x32';
    expect(kept({ staying: [program], leaving: [x32] })).toEqual([]);
    expect(kept({ staying: [program], leaving: [x32.replace(';x86_x32', '')] })).toEqual(['usr/lib64/libz.so.1']);
  });
});

test('every program looks where ld.so.conf and the files that it includes say, and in the usual directories', () => {
  const fs = rootWith(
    {
      path: 'etc/ld.so.conf',
      content: '# comment\ninclude ld.so.conf.d/*.conf\n/usr/local/lib64  # more\n/a:/b\ninclude /etc/ld.so.conf\n',
    },
    { path: 'etc/ld.so.conf.d/10-llvm.conf', content: '/usr/lib/llvm/21/lib64\n' },
    { path: 'etc/ld.so.conf.d/.hidden.conf', content: '/hidden\n' },
    { path: 'etc/ld.so.conf.d/readme', content: '/readme\n' },
  );
  using opened = new Opened(fs);
  expect(libraryPath(opened.vdb)).toEqual([
    ...['usr/local/lib64', 'a', 'b', 'usr/lib/llvm/21/lib64'],
    ...['lib', 'lib32', 'lib64', 'usr/lib', 'usr/lib32', 'usr/lib64'],
  ]);
});
