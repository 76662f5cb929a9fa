import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { AT_FDCWD, mknodat, S_IFIFO, toBytes } from '@emplace/syscalls';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { MergeError, readHooks } from '../../src/index.ts';
import { expectGivenBack, held } from './programs.ts';

const DEFINITION = '[Action]\nWhen = post-commit\nExec = /bin/true\n';

let place: TemporaryDirectory;
let before: ReturnType<typeof held>;
beforeEach(() => {
  place = temporaryDirectory();
  chmodSync(place.path, 0o755);
  before = held();
});
afterEach(async () => {
  await expectGivenBack(before);
  place[Symbol.dispose]();
});

function define(name: string | Buffer, text = DEFINITION, mode = 0o644): void {
  const path = Buffer.concat([Buffer.from(`${place.path}/`), Buffer.from(name as string)]);
  writeFileSync(path, text);
  chmodSync(path, mode);
}

async function names(): Promise<string[] | undefined> {
  return (await readHooks(toBytes(place.path)))?.map(({ name }) => name);
}

async function refusal(directory: string = place.path): Promise<{ code: string; message: string }> {
  try {
    await readHooks(toBytes(directory));
  } catch (error) {
    if (error instanceof MergeError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('not refused');
}

test('every definition is read, in the order of the names as bytes without their suffix', async () => {
  define('b.hook');
  define('a-1.hook');
  define('a.hook');
  define('B.hook');
  define('ä.hook');
  define(Buffer.from('\xff.hook', 'latin1'));
  expect(await names()).toEqual(['B', 'a', 'a-1', 'b', toBytes('ä'), '\xff']);
});

test('what is named otherwise is none', async () => {
  for (const name of ['README', 'a.hook~', '.hidden.hook', 'a.hook.dpkg-new']) define(name, 'no definition');
  mkdirSync(place.at('directory'));
  expect(await names()).toEqual([]);
});

test('no directory is no hooks, another obstacle is an error', async () => {
  expect(await readHooks(toBytes(place.at('nowhere')))).toBeUndefined();
  writeFileSync(place.at('file'), '');
  expect((await refusal(place.at('file'))).code).toBe('HOOK_INVALID');
});

test('a bad definition is told by file and line', async () => {
  define('good.hook');
  define('odd\n\x1bname.hook', `${DEFINITION}\nDepends = sh\n`);
  expect(await refusal()).toEqual({
    code: 'HOOK_INVALID',
    message: expect.stringMatching(/odd\\x0a\\x1bname\.hook`, line 5: /),
  });
});

test('a definition without an end is refused', async () => {
  define('long.hook', `${DEFINITION}${'#'.repeat(64 * 1024)}`);
  expect(await refusal()).toEqual({ code: 'HOOK_INVALID', message: expect.stringContaining('longer than') });
});

const OTHERS: Readonly<Record<string, () => void>> = {
  'is a symlink': () => {
    define('elsewhere');
    symlinkSync('elsewhere', place.at('x.hook'));
  },
  'is a directory': () => mkdirSync(place.at('x.hook')),
  'is a FIFO': () => mknodat(AT_FDCWD, toBytes(place.at('x.hook')), S_IFIFO | 0o644, 0),
  'may not be read': () => symlinkSync('x.hook', place.at('x.hook')),
};

test.each(Object.entries(OTHERS))('a definition that %s is refused, not waited for', async (_, make) => {
  make();
  expect(await refusal()).toEqual({ code: 'HOOK_INVALID', message: expect.stringContaining('x.hook') });
});

test.each([0o664, 0o646, 0o666])('a definition that others may write to is refused: mode %o', async (mode) => {
  define('x.hook', DEFINITION, mode);
  expect(await refusal()).toEqual({ code: 'HOOK_UNSAFE', message: expect.stringContaining('x.hook') });
});

test('a directory that others may write to is refused, even an empty one', async () => {
  chmodSync(place.path, 0o777);
  expect((await refusal()).code).toBe('HOOK_UNSAFE');
});

rootTest('a definition or directory of another user is refused', async () => {
  define('x.hook');
  chownSync(place.at('x.hook'), 65534, 65534);
  expect(await refusal()).toEqual({ code: 'HOOK_UNSAFE', message: expect.stringContaining('belongs to user 65534') });
  renameSync(place.at('x.hook'), place.at('x'));
  chownSync(place.path, 65534, 65534);
  expect((await refusal()).code).toBe('HOOK_UNSAFE');
});

rootTest('a directory on a file system that does not answer is not waited for', async () => {
  await using fuse = await mountFuse(place.at('fuse'));
  writeFileSync(`${fuse.path}/a.hook`, DEFINITION);
  expect((await readHooks(toBytes(fuse.path)))?.length).toBe(1);
  for (const rule of [
    { operation: 'OPENDIR', path: '^/$', answer: 'hold' },
    { operation: 'READ', path: '^/a.hook$', answer: 'hold' },
  ] as const) {
    await fuse.rules([rule]);
    expect(await refusal(fuse.path)).toEqual({
      code: 'NOT_ANSWERING',
      message: expect.stringContaining('does not answer: no answer within'),
    });
  }
});
