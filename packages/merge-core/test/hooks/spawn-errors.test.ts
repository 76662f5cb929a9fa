/** The errors of a spawn that have to do with neither the program nor its directory, each provoked for real. */
import { execFile } from 'node:child_process';
import { chmodSync, closeSync, copyFileSync, openSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryDirectory } from '@emplace/fixtures';
import { rootTest, toolTest } from '@emplace/fixtures/jest';
import { toBytes } from '@emplace/syscalls';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { startWaiting } from '../../../fsprobe/test/processes/children.ts';
import { SpawnError, spawnProgram } from '../../src/index.ts';
import { expectGivenBack, held, program, refusalOf, run } from './programs.ts';
import { specOf, TRUE } from './wishes.ts';

const script = fileURLToPath(new URL('./no-process-script.ts', import.meta.url));

let before: ReturnType<typeof held>;
beforeEach(() => {
  before = held();
});
afterEach(() => expectGivenBack(before));

/** What the script prints, started by `wrapper`. */
async function scripted(argv: readonly string[], ...wrapper: readonly string[]): Promise<unknown> {
  const node = [process.execPath, '--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', script];
  const [command = '', ...args] = [...wrapper, ...node, ...argv];
  return JSON.parse((await promisify(execFile)(command, args)).stdout);
}

test('E2BIG is to blame on the arguments, be it one that is too long or all of them', async () => {
  const long = 'x'.repeat(1 << 20);
  expect(await refusalOf({ argv: [TRUE], env: { LONG: long } })).toMatchObject({ code: 'E2BIG', blame: 'arguments' });
  const many = Array.from({ length: 1 << 20 }, () => 'an argument');
  expect(await refusalOf({ argv: [TRUE, ...many] })).toMatchObject({ code: 'E2BIG', blame: 'arguments' });
});

test('what Node cannot pass is refused: a NUL, bytes that are not UTF-8, a relative path', async () => {
  expect(await refusalOf({ argv: [TRUE, 'a\0b'] })).toMatchObject({ code: 'EINVAL', blame: 'arguments' });
  expect(await refusalOf({ argv: [TRUE], env: { A: 'a\0b' } })).toMatchObject({ code: 'EINVAL', blame: 'arguments' });
  expect(await refusalOf({ argv: ['true'] })).toMatchObject({ code: 'EINVAL', blame: 'arguments' });
  const latin1 = toBytes(Uint8Array.of(0x2f, 0xff));
  const spec = specOf({ argv: [TRUE] });
  for (const odd of [
    { ...spec, argv: [...spec.argv, latin1] },
    { ...spec, cwd: latin1 },
  ])
    await expect(spawnProgram(odd)).rejects.toBeInstanceOf(SpawnError);
});

rootTest('EAGAIN: the user may have no more processes', async () => {
  expect(await scripted(['EAGAIN'])).toEqual({ code: 'EAGAIN', blame: 'system' });
});

test('EMFILE: this process may have no more descriptors', async () => {
  expect(await scripted(['EMFILE'])).toEqual({ code: 'EMFILE', blame: 'system' });
});

rootTest('EPERM: a program that becomes root may not be limited, and does not run on without', async () => {
  using place = temporaryDirectory();
  const path = place.at('cat');
  copyFileSync('/bin/cat', path);
  chmodSync(path, 0o4755);
  for (const dir of [place.path, dirname(place.path)]) chmodSync(dir, 0o755);
  expect(await scripted(['EPERM', path])).toEqual({ code: 'EPERM', blame: 'system' });
});

toolTest('strace', 'ENOMEM: fork finds no memory', async () => {
  const inject = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=clone,fork,vfork'];
  const strace = ['strace', ...inject, '-e', 'inject=clone,fork,vfork:error=ENOMEM'];
  expect(await scripted(['ENOMEM'], ...strace)).toEqual({ code: 'ENOMEM', blame: 'system' });
});

/** Another process that has `path` open for writing, as one that has just written it does. */
async function writerOf(path: string, command = 'cat'): ReturnType<typeof startWaiting> {
  const fd = openSync(path, 'a');
  try {
    return await startWaiting(command, [], { stdio: ['pipe', 'pipe', 'inherit', fd] });
  } finally {
    closeSync(fd);
  }
}

const FRESH = { 'a lease says so': () => true, 'exec says so': () => false };

test.each(Object.entries(FRESH))('ETXTBSY when the program stays open for writing and %s', async (_, isFresh) => {
  using place = temporaryDirectory();
  const path = program(place.at('program'));
  const script = program(place.at('script'), `#!${path}\n`);
  await using _writer = await writerOf(path);
  expect(await refusalOf({ argv: [path], isFresh, busyMs: 20 })).toMatchObject({
    code: 'ETXTBSY',
    blame: 'program',
    path,
  });
  expect(await refusalOf({ argv: [script], isFresh, busyMs: 0 })).toMatchObject({
    code: 'ETXTBSY',
    blame: 'interpreter',
    path,
  });
});

test.each([
  ['cat', 'cat'],
  // To a terminal a C1 control begins what colours and moves.
  ['\u009b31m', String.raw`\xc2\x9b31m`],
])('the process that keeps a fresh program busy is named: %j', async (name, shown) => {
  using place = temporaryDirectory();
  const path = program(place.at('program'));
  const command = place.at(name);
  copyFileSync('/bin/cat', command);
  await using writer = await writerOf(path, command);
  const error = await refusalOf({ argv: [path], isFresh: () => true, busyMs: 0 });
  expect(error.message).toContain(`is open for writing, process ${writer.pid} (\`${shown}\`)`);
});

test.each(Object.entries(FRESH))('a program that is written to starts once that ends, where %s', async (_, isFresh) => {
  using place = temporaryDirectory();
  const path = program(place.at('program'), '#!/bin/sh\necho ran\n');
  await using writer = await writerOf(path);
  // Its first look, or try, is made before this returns.
  const result = run({ argv: [path], isFresh, busyMs: 60_000 });
  await writer.finish();
  expect(await result).toMatchObject({ how: 'exited', code: 0, output: { bytes: 'ran\n' } });
});

test('waiting for a program that is written to ends when the caller says so', async () => {
  using place = temporaryDirectory();
  const path = program(place.at('program'));
  await using _writer = await writerOf(path);
  for (const isFresh of Object.values(FRESH)) {
    const stop = new AbortController();
    const waiting = run({ argv: [path], isFresh, busyMs: 60_000, signal: stop.signal });
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  }
});

test('by its real path a program is known to be fresh that is started by a symlink', async () => {
  using place = temporaryDirectory();
  const path = program(place.at('program'));
  symlinkSync('program', place.at('link'));
  const asked: string[] = [];
  const isFresh = (one: string): boolean => asked.push(one) === 0;
  await run({ argv: [place.at('link')], isFresh });
  expect(asked).toEqual(expect.arrayContaining([path, place.at('link'), '/bin/sh']));
});
