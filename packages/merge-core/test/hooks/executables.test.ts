/** What is said of a program before it is started is what the kernel would say, and it says what is to blame. */
import { chmodSync, copyFileSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { mountTmpfs, type TemporaryDirectory, temporaryDirectory, unmount } from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { rootTest, toolTest } from '@emplace/fixtures/jest';
import { toBytes } from '@emplace/syscalls';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { executablesOf } from '../../src/hooks/executables.ts';
import { SpawnError } from '../../src/index.ts';
import { execve } from './execve.ts';
import { expectGivenBack, held, program, refusalOf, run } from './programs.ts';
import { TRUE } from './wishes.ts';

let place: TemporaryDirectory;
let before: ReturnType<typeof held>;
beforeEach(() => {
  place = temporaryDirectory();
  before = held();
});
afterEach(async () => {
  await expectGivenBack(before);
  place[Symbol.dispose]();
});

const MACHINE = 18;

/** An ELF file like `true` but for what is written over it at `offset`. */
function brokenElf(name: string, offset: number, bytes: Uint8Array): string {
  const content = readFileSync(TRUE);
  content.set(bytes, offset);
  return program(place.at(name), content);
}

/** `count` scripts of which each is run by the next, the last by `true`. */
function nested(count: number): string {
  let next = TRUE;
  for (let i = count; i > 0; i--) next = program(place.at(`nested-${count}/${i}`), `#!${next}\n`);
  return next;
}

/** A `#!` line of `length` bytes whose interpreter leads to `true`. */
function longLine(length: number, end: string): string {
  const slashes = '/'.repeat(length - 2 - TRUE.length);
  return program(place.at(`long-${length}${end.length}`), `#!${slashes}${TRUE}${end}`);
}

function programs(): Record<string, string> {
  symlinkSync('loop', place.at('loop'));
  symlinkSync(TRUE, place.at('link'));
  copyFileSync(TRUE, place.at('true'));
  return {
    'a program': TRUE,
    'a symlink to one': place.at('link'),
    'a script': program(place.at('script'), `#!${TRUE}\n`),
    'a script with blanks and an argument': program(place.at('blanks'), `#! \t${TRUE} \t-x y\t\n`),
    'a script without an end of line': program(place.at('no-end'), `#!${TRUE}`),
    'a script by a path from the working directory': program(place.at('relative'), '#!true\n'),
    'a script by a path that is not there from the working directory': program(place.at('relative2'), '#!bin/true\n'),
    'five scripts by scripts': nested(5),
    'six scripts by scripts': nested(6),
    'seven scripts by scripts': nested(7),
    'an interpreter that just fits': longLine(255, '\n'),
    'an interpreter that just fits, with an argument after it': longLine(255, ' argument\n'),
    'an interpreter that does not fit': longLine(256, '\n'),
    'an interpreter as long as the file': longLine(256, ''),
    'a file that ends just before': longLine(255, ''),
    'nothing that exists': place.at('missing'),
    'below a file': `${TRUE}/x`,
    'a loop of symlinks': place.at('loop'),
    'a name that is too long': place.at('x'.repeat(256)),
    'a directory': place.make('directory'),
    'not executable': program(place.at('plain'), '#!/bin/sh\n', 0o644),
    'an interpreter that is missing': program(place.at('no-interpreter'), '#!/nowhere/sh\n'),
    'an interpreter that is a directory': program(place.at('directory-interpreter'), '#!/\n'),
    'an interpreter that is not executable': program(place.at('plain-interpreter'), `#!${place.at('plain')}\n`),
    'an interpreter that is text': program(place.at('text-interpreter'), `#!${program(place.at('text'), 'exit\n')}\n`),
    'text without an interpreter': place.at('text'),
    'an empty file': program(place.at('empty'), ''),
    'a line without an interpreter': program(place.at('no-name'), '#!\n'),
    'a line of blanks': program(place.at('only-blanks'), '#! \t \n/bin/true'),
    'only a number sign and an exclamation mark': program(place.at('short'), '#!'),
    'a NUL for an interpreter': program(place.at('nul'), '#!\0\n'),
    'an ELF file of another machine': brokenElf('foreign', MACHINE, Buffer.from([0x16, 0])),
    'an ELF file of no type': brokenElf('no-type', 16, Buffer.from([9, 0])),
    'an ELF file cut short': program(place.at('cut'), readFileSync(TRUE).subarray(0, 40)),
    'an ELF file whose loader is missing': brokenElf('no-loader', loaderOffset(), Buffer.from('/nowhere')),
  };
}

function loaderOffset(): number {
  return readFileSync(TRUE).indexOf('/lib');
}

async function verdict(path: string): Promise<string> {
  try {
    await executablesOf(toBytes(path), toBytes(place.path));
    return 'runs';
  } catch (error) {
    if (error instanceof SpawnError) return error.code;
    throw error;
  }
}

toolTest('gcc', 'every kind of file is refused with the errno of execve, or runs as it does there', async () => {
  const kernel = execve(place);
  const asked = Object.entries(programs());
  const expected = asked.map(([what, path]) => [what, kernel(path, place.path)]);
  expect(await Promise.all(asked.map(async ([what, path]) => [what, await verdict(path)]))).toEqual(expected);
  // The table has something of each kind.
  expect(new Set(expected.map(([, code]) => code))).toEqual(
    new Set(['runs', 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES', 'ENOEXEC']),
  );
});

const BLAMED: readonly (readonly [what: string, code: string, blame: string])[] = [
  ['nothing that exists', 'ENOENT', 'program'],
  ['below a file', 'ENOTDIR', 'program'],
  ['a loop of symlinks', 'ELOOP', 'program'],
  ['a name that is too long', 'ENAMETOOLONG', 'program'],
  ['a directory', 'EACCES', 'program'],
  ['not executable', 'EACCES', 'program'],
  ['an interpreter that is missing', 'ENOENT', 'interpreter'],
  ['an ELF file whose loader is missing', 'ENOENT', 'interpreter'],
  ['an interpreter that is not executable', 'EACCES', 'interpreter'],
  ['an interpreter that is text', 'ENOEXEC', 'interpreter'],
  ['text without an interpreter', 'ENOEXEC', 'program'],
  ['an empty file', 'ENOEXEC', 'program'],
  ['an ELF file of another machine', 'ENOEXEC', 'program'],
  ['six scripts by scripts', 'ELOOP', 'interpreter'],
];

test('an error tells the program from its interpreter, and names the file', async () => {
  const paths = programs();
  for (const [what, code, blame] of BLAMED) {
    const error = await refusalOf({ argv: [paths[what] as string] });
    expect([what, error.code, error.blame]).toEqual([what, code, blame]);
    expect(error.message).toContain(`(${code})`);
    expect(error.path === toBytes(paths[what] as string)).toBe(blame === 'program');
  }
});

test('a working directory that is missing or none is told from a program that is', async () => {
  const missing = place.at('nowhere');
  expect(await refusalOf({ argv: [TRUE], cwd: missing })).toMatchObject({
    code: 'ENOENT',
    blame: 'directory',
    path: missing,
  });
  expect(await refusalOf({ argv: [TRUE], cwd: TRUE })).toMatchObject({ code: 'ENOTDIR', blame: 'directory' });
  // As chdir comes before exec.
  expect(await refusalOf({ argv: [missing], cwd: missing })).toMatchObject({ blame: 'directory' });
});

rootTest('a working directory that may not be entered is to blame for EACCES', async () => {
  const closed = place.make('closed');
  chmodSync(closed, 0o600);
  process.seteuid?.(65534);
  try {
    expect(await refusalOf({ argv: [TRUE], cwd: closed })).toMatchObject({ code: 'EACCES', blame: 'directory' });
  } finally {
    process.seteuid?.(0);
  }
});

rootTest('on a file system that is mounted noexec the message says so', async () => {
  const disk = place.at('disk');
  mountTmpfs(disk, 'noexec');
  try {
    const tool = program(join(disk, 'tool'));
    const viaInterpreter = program(place.at('script'), `#!${tool}\n`);
    expect(await refusalOf({ argv: [tool] })).toMatchObject({ code: 'EACCES', blame: 'program' });
    const error = await refusalOf({ argv: [viaInterpreter] });
    expect(error).toMatchObject({ code: 'EACCES', blame: 'interpreter', path: tool });
    expect(error.message).toContain('noexec');
  } finally {
    unmount(disk);
  }
});

rootTest('what lies on a file system that does not answer is not waited for, and is told', async () => {
  await using fuse = await mountFuse(place.at('fuse'));
  const tool = program(`${fuse.path}/tool`, `#!${TRUE}\n`);
  const script = program(place.at('script'), `#!${tool}\n`);
  expect(await run({ argv: [script], cwd: fuse.path })).toMatchObject({ how: 'exited', code: 0 });
  await fuse.rules([{ operation: 'OPEN', path: '^/tool$', answer: 'hold' }]);
  const silent = { code: 'ETIMEDOUT', message: expect.stringContaining('does not answer: no answer within') };
  expect(await refusalOf({ argv: [tool] })).toMatchObject({ ...silent, blame: 'program', path: tool });
  expect(await refusalOf({ argv: [script] })).toMatchObject({ ...silent, blame: 'interpreter', path: tool });
  await fuse.rules([{ operation: 'OPENDIR', path: '^/$', answer: 'hold' }]);
  expect(await refusalOf({ argv: [TRUE], cwd: fuse.path })).toMatchObject({ ...silent, blame: 'directory' });
});

rootTest('a program that may be run but not read is left to the kernel', async () => {
  const secret = place.at('secret');
  copyFileSync(TRUE, secret);
  chmodSync(secret, 0o711);
  for (let dir = place.path; dir !== '/tmp' && dir !== '/'; dir = join(dir, '..')) chmodSync(dir, 0o711);
  process.seteuid?.(65534);
  try {
    expect(await run({ argv: [secret] })).toMatchObject({ how: 'exited', code: 0 });
  } finally {
    process.seteuid?.(0);
  }
});

test('names are hostile, and errors show them harmless', async () => {
  const error = await refusalOf({ argv: [place.at('a\nb\x1b[31m (deleted)')] });
  expect(error.code).toBe('ENOENT');
  expect(error.message).toContain('a\\x0ab\\x1b[31m (deleted)');
  const odd = program(place.at('odd\n\x1b name (deleted)'), `#!${TRUE}\n`);
  expect(await run({ argv: [odd] })).toMatchObject({ how: 'exited', code: 0 });
});
