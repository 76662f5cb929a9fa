/** Libraries that others still need (docs/PORTAGE.md, A.14, A.17, E.3), through whole merges. */
import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import type { Entry } from '../engine/world.ts';
import { installed } from './database.ts';
import {
  contentsOf,
  directory,
  edit,
  mergeVersion,
  packageWorld,
  readIn,
  rm,
  shown,
  statIn,
  unmergeVersion,
} from './package-world.ts';

const REGISTRY = 'var/lib/portage/preserved_libs_registry';
const ENTRY = 'var/db/pkg/app-misc/app-';

/** A version of a library with its symlinks: `libz.so.1 -> libz.so.1.0`. */
function library(major: string): Entry[] {
  return [
    ...['usr', 'usr/lib'].map(directory),
    { path: `usr/lib/libz.so.${major}.0`, content: `library ${major}` },
    { path: `usr/lib/libz.so.${major}`, type: 'symlink', content: `libz.so.${major}.0` },
    { path: 'usr/lib/libz.so', type: 'symlink', content: `libz.so.${major}` },
  ];
}

const consumer = (soname: string): Entry[] => [
  directory('var/db/pkg/app-arch'),
  ...installed('app-arch/gzip-1', {
    contents: ['usr/bin/gzip'],
    files: { 'NEEDED.ELF.2': `X86_64;/usr/bin/gzip;;;${soname},libc.so.6;x86_64\n` },
  }),
];

/** The build info of the next merge says what the library is. */
function tell(fs: MemoryPort, major: string): void {
  const info = fs.openRoot(ascii('/build-info'));
  const name = ascii('NEEDED.ELF.2');
  if (fs.stat(info, name) !== undefined) fs.unlink(info, name);
  const file = fs.createFile(info, name, 0o644);
  fs.write(file, Buffer.from(`X86_64;/usr/lib/libz.so.${major}.0;libz.so.${major};;libc.so.6;x86_64\n`));
  fs.closeFile(file);
  fs.closeDir(info);
}

function world(root: readonly Entry[]): MemoryPort {
  const fs = packageWorld({ 1: library('1'), 2: library('2'), 3: library('3'), 5: library('3') }, root);
  tell(fs, '1');
  mergeVersion(fs, '1');
  return fs;
}

function upgrade(fs: MemoryPort, version: string, major = version): ReturnType<typeof mergeVersion> {
  tell(fs, major);
  return mergeVersion(fs, version, { preserveLibs: true });
}

const registered = (fs: MemoryPort): unknown => JSON.parse(readIn(fs, REGISTRY));

test('a library that a program needs stays with its symlink, is listed in order and registered; what compiles with it goes (A.14, G.4)', () => {
  const fs = world(consumer('libz.so.1'));
  const report = upgrade(fs, '2');
  expect(shown(fs)).toEqual([
    'usr/',
    'usr/lib/',
    'usr/lib/libz.so -> libz.so.2',
    'usr/lib/libz.so.1 -> libz.so.1.0',
    'usr/lib/libz.so.1.0 "library 1"',
    'usr/lib/libz.so.2 -> libz.so.2.0',
    'usr/lib/libz.so.2.0 "library 2"',
  ]);
  const contents = contentsOf(fs, '2');
  expect(contents).toEqual([...contents].sort((a, b) => ((a.split(' ')[1] ?? '') < (b.split(' ')[1] ?? '') ? -1 : 1)));
  expect(contents).toEqual(
    expect.arrayContaining(['obj /usr/lib/libz.so.1.0', 'sym /usr/lib/libz.so.1 -> libz.so.1.0']),
  );
  expect(registered(fs)).toEqual({
    'app-misc/app:0': ['app-misc/app-2', '43', ['/usr/lib/libz.so.1', '/usr/lib/libz.so.1.0']],
  });
  expect(
    report.ledger?.verdicts
      .filter(({ reason }) => reason === 'needed')
      .map(({ path }) => path)
      .sort(),
  ).toEqual(['usr/lib/libz.so.1', 'usr/lib/libz.so.1.0']);
});

test('it stays through further upgrades as long as it is needed, and goes when it is not (A.14)', () => {
  const fs = world(consumer('libz.so.1'));
  upgrade(fs, '2');
  upgrade(fs, '3');
  expect(shown(fs)).toContain('usr/lib/libz.so.1.0 "library 1"');
  expect(shown(fs).join()).not.toContain('libz.so.2');
  rm(fs, 'var/db/pkg/app-arch');
  upgrade(fs, '5', '3');
  expect(shown(fs).join()).not.toContain('libz.so.1');
  expect(registered(fs)).toEqual({});
  unmergeVersion(fs, '5');
  expect([shown(fs), registered(fs)]).toEqual([[], {}]);
});

test('one that nobody needs goes, and so does every one without `preserveLibs`', () => {
  const fs = world(consumer('libother.so.1'));
  upgrade(fs, '2');
  expect([shown(fs).length, statIn(fs, REGISTRY)]).toEqual([5, undefined]);
  const plain = world(consumer('libz.so.1'));
  mergeVersion(plain, '2');
  expect(shown(plain)).toEqual(shown(fs));
});

test('what Portage kept, of which nothing tells who needs it, stays', () => {
  const fs = world([]);
  edit(fs, REGISTRY, JSON.stringify({ 'app-misc/app:0': ['app-misc/app-1', '42', ['/usr/lib/libold.so.0']] }));
  edit(fs, 'usr/lib/libold.so.0', 'old');
  edit(
    fs,
    `${ENTRY}1/CONTENTS`,
    `${readIn(fs, `${ENTRY}1/CONTENTS`)}obj /usr/lib/libold.so.0 149603e6c03516362a8da23f624db945 5\n`,
  );
  upgrade(fs, '2');
  expect(shown(fs)).toContain('usr/lib/libold.so.0 "old"');
  expect(contentsOf(fs, '2')).toContain('obj /usr/lib/libold.so.0');
  expect(registered(fs)).toEqual({ 'app-misc/app:0': ['app-misc/app-2', '43', ['/usr/lib/libold.so.0']] });
});

test('a package that brings what another one keeps collides with nobody, and the other lists it no more (A.17, E.3)', () => {
  const fs = packageWorld({ 1: library('1') }, [
    ...library('1').slice(0, 3),
    directory('var/db/pkg/sys-libs'),
    ...installed('sys-libs/zlib-2', {
      contents: ['dir usr', 'dir usr/lib', 'usr/lib/libz.so.1.0', 'usr/lib/libz.so.2'],
    }),
    {
      path: REGISTRY,
      content: JSON.stringify({ 'sys-libs/zlib:0': ['sys-libs/zlib-2', '1', ['/usr/lib/libz.so.1.0']] }),
    },
  ]);
  expect(mergeVersion(fs, '1').warnings).toEqual([]);
  expect(registered(fs)).toEqual({});
  const lines = readIn(fs, 'var/db/pkg/sys-libs/zlib-2/CONTENTS')
    .split('\n')
    .map((line) => line.split(' ')[1]);
  expect(lines).toEqual(['/usr', '/usr/lib', '/usr/lib/libz.so.2', undefined]);
});

test('a NEEDED.ELF.2 that means nothing refuses what relies on it, and a registry that is none every merge', () => {
  const fs = world(consumer('libz.so.1'));
  edit(fs, 'var/db/pkg/app-arch/gzip-1/NEEDED.ELF.2', 'X86_64;usr\n');
  expect(() => upgrade(fs, '2')).toThrow(/`var\/db\/pkg\/app-arch\/gzip-1`: `X86_64;usr` is no line of NEEDED.ELF.2/);
  edit(fs, REGISTRY, '{"a": 1}');
  expect(() => mergeVersion(fs, '2')).toThrow(expect.objectContaining({ code: 'VDB_DAMAGED' }));
});
