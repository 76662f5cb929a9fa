import { mkdirSync, readdirSync, rmdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { mountTmpfs, otherMount, remount, temporaryDirectory, unmount } from '@emplace/fixtures';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { probeRename, probeRenameSync, type RenameShapes, shapeNames } from '@emplace/fsprobe';
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { callProbe } from './caller.ts';

const ALL_OK: RenameShapes = {
  shapes: {
    sibling: { verdict: 'ok' },
    subdirectory: { verdict: 'ok' },
    replaceInSubdirectory: { verdict: 'ok' },
    pycache: { verdict: 'ok' },
    replace: { verdict: 'ok' },
    nested: { verdict: 'ok' },
  },
  left: [],
};

/** Nothing hangs here, however slow the machine is. */
const PATIENT = { timeoutMs: 60_000 };

const forms = [
  { form: 'probeRename', probe: (dir: Bytes) => probeRename(dir, PATIENT) },
  { form: 'probeRenameSync', probe: async (dir: Bytes) => probeRenameSync(dir, PATIENT) },
] as const;

describe.each(forms)('$form', ({ probe }) => {
  test('finds all shapes well on a healthy file system, and leaves it as it was', async () => {
    using here = temporaryDirectory();
    using there = otherMount();
    for (const { path } of [here, there]) {
      writeFileSync(`${path}/entry`, '');
      utimesSync(path, 0, 1_500_000_000.25);
      expect(await probe(toBytes(path))).toEqual(ALL_OK);
      expect(readdirSync(path)).toEqual(['entry']);
      expect(statSync(path).mtimeMs).toBe(1_500_000_000_250);
    }
  });

  test('takes any path as it is, and follows a symlink in it', async () => {
    using place = temporaryDirectory();
    const hostile = Buffer.concat([
      Buffer.from(`${place.path}/a\n"b" \x1b[31m`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(' (deleted)'),
    ]);
    mkdirSync(hostile);
    symlinkSync(hostile, place.at('link'));
    expect(await probe(toBytes(hostile))).toEqual(ALL_OK);
    expect(await probe(toBytes(place.at('link')))).toEqual(ALL_OK);
    expect(readdirSync(hostile)).toEqual([]);
  });

  test('refuses what is no directory to work in', async () => {
    using place = temporaryDirectory();
    writeFileSync(place.at('file'), '');
    symlinkSync('loop', place.at('loop'));
    const code = async (path: string): Promise<unknown> => {
      try {
        return await probe(toBytes(path));
      } catch (error) {
        const { name, code, paths } = error as { name: string; code: string; paths: readonly Bytes[] };
        return [name, code, paths[0]];
      }
    };
    const refused = (errno: string, path: string): unknown => ['SyscallError', errno, path];
    for (const [errno, path] of [
      ['ENOENT', place.at('missing')],
      ['ENOTDIR', place.at('file')],
      ['ELOOP', place.at('loop')],
      ['EINVAL', 'relative'],
      ['EINVAL', ''],
    ] as const) {
      expect(await code(path)).toEqual(refused(errno, path));
    }
    expect(readdirSync(place.path)).toEqual(['file', 'loop']);
  });

  test('measures nothing where no process can be started, and says why', async () => {
    using place = temporaryDirectory();
    const { execPath } = process;
    process.execPath = place.at('missing');
    try {
      const { shapes, left } = await probe(toBytes(place.path));
      expect(Object.values(shapes)).toEqual(
        shapeNames.map(() => ({ verdict: 'not-measured', why: expect.stringContaining('ENOENT') })),
      );
      expect(left).toEqual([]);
    } finally {
      process.execPath = execPath;
    }
  });
});

rootTest('a read-only file system is refused', async () => {
  using place = temporaryDirectory();
  mountTmpfs(place.at('tmpfs'));
  remount(place.at('tmpfs'), 'ro');
  try {
    await expect(probeRename(toBytes(place.at('tmpfs')))).rejects.toMatchObject({ code: 'EROFS', call: 'mkdirat' });
    expect(() => probeRenameSync(toBytes(place.at('tmpfs')))).toThrow('EROFS');
  } finally {
    unmount(place.at('tmpfs'));
  }
});

testWith({ root: true, tools: ['setpriv'] }, 'a directory that may not be written is refused', async () => {
  using place = temporaryDirectory();
  mkdirSync(place.at('closed'), { mode: 0o555 });
  // Root without its power over permissions.
  const wrapper = ['setpriv', '--bounding-set=-dac_override'];
  await expect(callProbe('async', place.at('closed'), { wrapper }).report).rejects.toThrow('EACCES: mkdirat');
  await expect(callProbe('sync', place.at('closed'), { wrapper }).report).rejects.toThrow('EACCES: mkdirat');
  rmdirSync(place.at('closed'));
});

test('a child that ends before its work is no verdict on the file system', async () => {
  using place = temporaryDirectory();
  const dir = place.make('dir');
  writeFileSync(place.at('broken.cjs'), `if (process.argv[2] === 'try') throw new Error('no such library');`);
  const caller = callProbe('async', dir, { env: { NODE_OPTIONS: `--require=${place.at('broken.cjs')}` } });
  const { shapes, left } = await caller.report;
  expect(Object.values(shapes)).toEqual(
    shapeNames.map(() => ({ verdict: 'not-measured', why: expect.stringContaining('Error: no such library') })),
  );
  expect(left).toEqual([]);
  expect(readdirSync(dir)).toEqual([]);
  await caller.gone();
});

test('the shapes are told apart by stable names', () => {
  expect(shapeNames).toEqual(Object.keys(ALL_OK.shapes).map(ascii));
});
