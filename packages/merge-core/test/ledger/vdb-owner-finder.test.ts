import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { linuxPort } from '@emplace/fsprobe';
import { type Bytes, toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { MergeError, openOwners, Vdb, type VdbOwnerOptions, vdbOwners } from '../../src/index.ts';

/** Long after anything here was written. */
const LATER_SEC = 4_000_000_000;
const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';

function install(place: TemporaryDirectory, name: string, ...paths: readonly string[]): void {
  const at = place.at(`var/db/pkg/${name}`);
  mkdirSync(at, { recursive: true });
  writeFileSync(`${at}/SLOT`, '0\n');
  writeFileSync(`${at}/CONTENTS`, paths.map((path) => `obj ${path} ${MD5} 5\n`).join(''), 'latin1');
  for (const path of paths) {
    mkdirSync(dirname(place.at(path)), { recursive: true });
    writeFileSync(Buffer.from(place.at(path), 'latin1'), '');
  }
}

function owners(
  place: TemporaryDirectory,
  paths: readonly string[],
  options?: VdbOwnerOptions,
): Record<string, unknown> {
  return Object.fromEntries(vdbOwners(options).ownersOf(new Set(paths as Bytes[]), toBytes(place.path)));
}

test('owners of paths are found below a root, and nothing is written there', () => {
  using place = temporaryDirectory();
  install(place, 'app-shells/bash-5.2_p26-r1', '/usr/bin/bash', '/usr/share/\xff');
  install(place, 'sys-libs/zlib-1.3', '/usr/lib64/libz.so.1', '/usr/share/both');
  install(place, 'a/b-1', '/usr/share/both');
  symlinkSync('usr/lib64', place.at('lib64'));
  const before = readdirSync(place.path, { recursive: true }).sort();
  expect(
    owners(place, ['/usr/bin/bash', '/usr/share/\xff', '/lib64/libz.so.1', '/usr/share/both', '/usr/bin/sh', '/']),
  ).toEqual({
    '/usr/bin/bash': ['app-shells/bash-5.2_p26-r1'],
    '/usr/share/\xff': ['app-shells/bash-5.2_p26-r1'],
    '/lib64/libz.so.1': ['sys-libs/zlib-1.3'],
    '/usr/share/both': ['a/b-1', 'sys-libs/zlib-1.3'],
  });
  expect(readdirSync(place.path, { recursive: true }).sort()).toEqual(before);
  execFileSync('mv', [place.at('var/db/pkg'), place.at('var/packages')]);
  expect(owners(place, ['/usr/bin/bash'])).toEqual({});
  expect(owners(place, ['/usr/bin/bash'], { vdb: '/var/packages' })).toEqual({
    '/usr/bin/bash': ['app-shells/bash-5.2_p26-r1'],
  });
});

test('a root without a database, or a broken one, has no owners', () => {
  using place = temporaryDirectory();
  expect(owners(place, ['/usr/bin/bash'])).toEqual({});
  mkdirSync(place.at('var/db'), { recursive: true });
  writeFileSync(place.at('var/db/pkg'), '');
  expect(owners(place, ['/usr/bin/bash'])).toEqual({});
  expect([...vdbOwners().ownersOf(new Set(['/x' as Bytes]), toBytes(place.at('gone')))]).toEqual([]);
  expect(() => vdbOwners({ vdb: '' })).toThrow(MergeError);
});

test('a hostile root neither hangs it, nor leads it out, nor makes it read without end', () => {
  using outside = temporaryDirectory();
  install(outside, 'app-shells/bash-5', '/usr/bin/bash');
  using place = temporaryDirectory();
  mkdirSync(place.at('var/db'), { recursive: true });
  symlinkSync(outside.at('var/db/pkg'), place.at('var/db/pkg'));
  expect(owners(outside, ['/usr/bin/bash'])).toEqual({ '/usr/bin/bash': ['app-shells/bash-5'] });
  expect(owners(place, ['/usr/bin/bash'])).toEqual({});

  for (const spoil of [fifo, sparse, tooLong]) {
    using root = temporaryDirectory();
    install(root, 'app-shells/bash-5', '/usr/bin/bash');
    install(root, 'x/evil-1', '/usr/bin/evil');
    spoil(root.at('var/db/pkg/x/evil-1/CONTENTS'));
    expect(owners(root, ['/usr/bin/evil'])).toEqual({});
  }
});

test('an index that a foreign root brings along is not believed', () => {
  using place = temporaryDirectory();
  install(place, 'app-shells/bash-5', '/usr/bin/forged');
  const [contents, index] = [place.at('var/db/pkg/app-shells/bash-5/CONTENTS'), place.at('var/db/.pkg.emplace-owners')];
  const fs = linuxPort();
  const top = fs.openRoot(toBytes(place.path));
  const ask = (): unknown => {
    using vdb = new Vdb(top, toBytes('var/db/pkg'), fs);
    const owners = openOwners(vdb, LATER_SEC);
    expect(owners.save()).toBeUndefined();
    return owners.ownersOf(toBytes('usr/bin/forged')).length;
  };
  expect(ask()).toBe(1);
  // In place, with its old time and size: what the index cannot know.
  const { mtimeNs } = statSync(contents, { bigint: true });
  writeFileSync(contents, readFileSync(contents, 'latin1').replace('forged', 'honest'));
  execFileSync('touch', [
    '-d',
    `@${mtimeNs / 1_000_000_000n}.${String(mtimeNs % 1_000_000_000n).padStart(9, '0')}`,
    contents,
  ]);
  expect(ask()).toBe(1);
  fs.closeDir(top);
  expect(existsSync(index)).toBe(true);
  expect(owners(place, ['/usr/bin/forged', '/usr/bin/honest'])).toEqual({ '/usr/bin/honest': ['app-shells/bash-5'] });
});

function fifo(path: string): void {
  execFileSync('rm', [path]);
  execFileSync('mkfifo', [path]);
}

function sparse(path: string): void {
  truncateSync(path, 2 ** 40);
}

/** For one string. */
function tooLong(path: string): void {
  truncateSync(path, 2 ** 29);
}
