/** The index of owners over a real file system: who may write it, and what counts as changed. */
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { asUser, type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { linuxPort, type OwnersIndex, openOwners, Vdb } from '@emplace/merge-core';
import { ascii, toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';

const fs = linuxPort();
const INDEX = 'var/db/.pkg.emplace-owners';
const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';

/** Each package with one CONTENTS of an hour ago. */
function install(root: TemporaryDirectory, name: string, paths: readonly (string | Buffer)[]): void {
  const dir = root.make(`var/db/pkg/${name}`);
  const lines = paths.map((path) =>
    Buffer.concat([Buffer.from('obj /'), Buffer.from(path), Buffer.from(` ${MD5} 5\n`)]),
  );
  writeFileSync(`${dir}/CONTENTS`, Buffer.concat(lines));
  for (const [field, value] of [
    ['SLOT', '0'],
    ['COUNTER', '1'],
  ] as const)
    writeFileSync(`${dir}/${field}`, value);
  const anHourAgo = Date.now() / 1000 - 3600;
  utimesSync(`${dir}/CONTENTS`, anHourAgo, anHourAgo);
}

function withIndex<T>({ path }: TemporaryDirectory, act: (index: OwnersIndex) => T): T {
  const root = fs.openRoot(toBytes(path));
  try {
    using vdb = new Vdb(root, ascii('var/db/pkg'), fs);
    return act(openOwners(vdb));
  } finally {
    fs.closeDir(root);
  }
}

function owners(index: OwnersIndex, path: string | Buffer): string[] {
  return index.ownersOf(toBytes(path)).map(({ pf }) => pf);
}

const LATIN1 = Buffer.from('usr/share/caf\xe9', 'latin1');

function scene(): TemporaryDirectory {
  const root = temporaryDirectory();
  for (const dir of ['usr/lib64', 'usr/bin']) root.make(dir);
  symlinkSync('usr/lib64', root.at('lib64'));
  symlinkSync(root.at('usr/bin'), root.at('bin'));
  install(root, 'a/old-1', ['lib64/libold.so', 'bin/tool', LATIN1, 'usr/share/back\\slash "quoted"']);
  install(root, 'a/new-1', ['usr/lib64/libnew.so', 'usr/bin/tool']);
  return root;
}

test('a merged /usr: a path is owned by whichever way it was listed, and no link leads out of the root (E.11)', () => {
  using root = scene();
  withIndex(root, (index) => {
    expect(owners(index, 'usr/lib64/libold.so')).toEqual(['old-1']);
    expect(owners(index, 'lib64/libnew.so')).toEqual(['new-1']);
    expect([owners(index, LATIN1), owners(index, 'usr/share/back\\slash "quoted"')]).toEqual([['old-1'], ['old-1']]);
    // `bin` leads to a path of the machine, which inside the root is another one.
    expect([owners(index, 'bin/tool'), owners(index, 'usr/bin/tool')]).toEqual([['old-1'], ['new-1']]);
  });
});

test('what is kept is read again, and only packages that changed are', () => {
  using root = scene();
  withIndex(root, (index) => expect([index.read, index.save()]).toEqual([2, undefined]));
  withIndex(root, (index) => expect(index.read).toBe(0));
  install(root, 'a/third-1', ['usr/bin/third']);
  withIndex(root, (index) => {
    expect(index.read).toBe(1);
    expect(owners(index, 'usr')).toEqual(['new-1', 'old-1', 'third-1']);
  });
});

rootTest('an ordinary user reads what root keeps, and asks without it, but changes nothing', () => {
  using root = scene();
  for (const open of [root.path, dirname(root.path)]) chmodSync(open, 0o755);
  const ask = (): [number, string | undefined, string[]] =>
    asUser(() => withIndex(root, (index) => [index.read, index.save(), owners(index, 'usr/bin/tool')]));
  expect(ask()).toEqual([2, expect.stringMatching('EACCES'), ['new-1']]);
  expect(existsSync(root.at(INDEX))).toBe(false);
  withIndex(root, (index) => index.save());
  const { mtimeMs, mode } = statSync(root.at(INDEX));
  expect(mode & 0o7777).toBe(0o644);
  expect(ask()).toEqual([0, undefined, ['new-1']]);
  expect(statSync(root.at(INDEX)).mtimeMs).toBe(mtimeMs);
});

rootTest('root does not believe what an ordinary user keeps', () => {
  using root = scene();
  for (const open of [root.path, dirname(root.path), root.at('var/db')]) chmodSync(open, 0o777);
  asUser(() => withIndex(root, (index) => expect(index.save()).toBeUndefined()));
  expect(statSync(root.at(INDEX)).uid).not.toBe(0);
  withIndex(root, (index) => {
    expect([index.read, index.save()]).toEqual([2, undefined]);
  });
  expect(statSync(root.at(INDEX)).uid).toBe(0);
});

test('a database whose directory is missing owns nothing, and nothing is made for it', () => {
  using root = temporaryDirectory();
  mkdirSync(root.at('var'));
  withIndex(root, (index) => expect([owners(index, 'var'), index.packages, index.save()]).toEqual([[], 0, undefined]));
  expect(existsSync(root.at('var/db'))).toBe(false);
});
