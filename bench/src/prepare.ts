/**
 * `prepare.ts`: makes in bench/trees what `start` measures with, from packages of Debian; installs with apt what is missing.
 * What is there already stays: remove bench/trees to start anew.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unpackDebian } from './trees/debian.ts';
import { buildPackages } from './trees/packages.ts';
import {
  DOWNLOADS,
  FORMATS,
  packageOf,
  SMALL_PACKAGES,
  smallTreeOf,
  treeOf,
  VERSIONS,
  type Version,
} from './trees/place.ts';
import { copyFiles, copyTree, filesOf, outdate } from './trees/versions.ts';

/** Debian's packages of the peers, the compiler and what makes file systems. */
const TOOLS =
  'btrfs-progs dpkg e2fsprogs gcc libarchive-tools libc6-dev libssl-dev pacman-package-manager rpm rsync strace tar util-linux xfsprogs';

/** How a tree is made, at the path it is given; `new` first, the others come from it. */
const MAKE: Readonly<Record<Version, (top: string) => void>> = {
  new: (top) => unpackDebian(DOWNLOADS, top),
  old(top) {
    copyTree(treeOf('new'), top);
    outdate(top, filesOf(top));
  },
  tenth(top) {
    const files = filesOf(treeOf('new')).filter((_, i) => i % 10 === 0);
    copyFiles(treeOf('new'), top, files);
    outdate(
      top,
      files.filter((_, i) => i % 2 === 0),
    );
  },
  one(top) {
    mkdirSync(join(top, 'usr/bin'), { recursive: true });
    writeFileSync(join(top, 'usr/bin/one'), '#!/bin/sh\necho one\n', { mode: 0o755 });
  },
};

/** Ten files in three directories, none of which another package has. */
function makeSmall(top: string, number: number): void {
  for (const [index, directory] of ['bin', 'lib', 'share'].entries()) {
    mkdirSync(join(top, `usr/small/${number}`, directory), { recursive: true });
    for (let file = index; file < 10; file += 3) {
      writeFileSync(
        join(top, `usr/small/${number}`, directory, `file-${file}`),
        `${number} ${file}\n`.repeat(40 * file),
      );
    }
  }
}

/** Under another name until it is whole, so that an interrupted run leaves nothing that looks done. */
function once(path: string, make: (path: string) => void): void {
  if (existsSync(path)) return;
  console.error(`makes ${path}`);
  const unfinished = join(dirname(path), '.unfinished');
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  make(unfinished);
  renameSync(unfinished, path);
}

function packOnce(name: Version | `small-${number}`, tree: string, version: string): void {
  if (FORMATS.every((format) => existsSync(packageOf(name, format)))) return;
  console.error(`packs ${name}`);
  // Versions of one package: the second replaces the first.
  const packageName = name === 'old' || name === 'new' ? 'bench-system' : `bench-${name}`;
  buildPackages({ tree, name: packageName, version, file: (format) => packageOf(name, format) });
}

const apt = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
execFileSync('apt-get', ['update', '-qq'], apt);
execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', '--no-upgrade', ...TOOLS.split(' ')], apt);
for (const version of ['new', ...VERSIONS] as const) once(treeOf(version), MAKE[version]);
for (const version of VERSIONS) packOnce(version, treeOf(version), version === 'new' ? '2' : '1');
for (let number = 0; number < SMALL_PACKAGES; number++) {
  once(smallTreeOf(number), (top) => makeSmall(top, number));
  packOnce(`small-${number}`, smallTreeOf(number), '1');
}
