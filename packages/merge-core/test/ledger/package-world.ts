import type { DirHandle, FsPort, Stat, Timestamp } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { type MemoryOptions, type MemoryPort, memoryPort } from '../../src/fs/memory.ts';
import { readWhole } from '../../src/fs/whole-file.ts';
import { type MergeOptions, type MergeReport, mergeSync, type PackageOptions, unmergeSync } from '../../src/index.ts';
import { join } from '../../src/paths.ts';
import { removeTree } from '../../src/transaction/remove-tree.ts';
import { build, type Entry, picture } from '../engine/world.ts';

const ROOT: Bytes = ascii('/root');

/** Two versions of a package: with added, removed, changed, type-changed and configuration files. */
export const first: readonly Entry[] = [
  ...['etc', 'etc/app.d', 'usr', 'usr/bin', 'usr/lib', 'usr/share', 'usr/share/app', 'usr/share/old'].map(directory),
  { path: 'etc/app.conf', content: 'setting = 1\n' },
  { path: 'etc/app.d/gone.conf', content: 'old\n' },
  { path: 'usr/bin/app', content: 'program 1', mode: 0o755 },
  { path: 'usr/bin/app-tool', content: 'tool', mode: 0o4755 },
  { path: 'usr/lib/libapp.so.1', content: 'library 1', mode: 0o755 },
  { path: 'usr/lib/libapp.so', type: 'symlink', content: 'libapp.so.1' },
  { path: 'usr/share/app/same', content: 'the same' },
  { path: 'usr/share/app/becomes-a-directory', content: 'file' },
  { path: 'usr/share/old/only in 1', content: 'goes' },
  { path: 'usr/share/becomes-a-file', type: 'directory' },
  { path: 'usr/share/becomes-a-file/inside', content: 'goes too' },
];

export const second: readonly Entry[] = [
  ...['etc', 'etc/app.d', 'usr', 'usr/bin', 'usr/lib', 'usr/share', 'usr/share/app', 'usr/share/new'].map(directory),
  { path: 'etc/app.conf', content: 'setting = 2\n' },
  { path: 'etc/app.d/added.conf', content: 'new\n' },
  { path: 'usr/bin/app', content: 'program 2', mode: 0o755 },
  { path: 'usr/lib/libapp.so.2', content: 'library 2', mode: 0o755 },
  { path: 'usr/lib/libapp.so', type: 'symlink', content: 'libapp.so.2' },
  { path: 'usr/share/app/same', content: 'the same' },
  { path: 'usr/share/app/becomes-a-directory', type: 'directory' },
  { path: 'usr/share/app/becomes-a-directory/inside', content: 'new' },
  { path: 'usr/share/new/only in 2', content: 'comes' },
  { path: 'usr/share/becomes-a-file', content: 'file' },
];

export function directory(path: string): Entry {
  return { path, type: 'directory' };
}

/** A root with a package database that Portage has used, and two images with their build info. */
export function packageWorld(
  versions: Readonly<Record<string, readonly Entry[]>>,
  root: readonly Entry[] = [],
  memory: MemoryOptions = {},
): MemoryPort {
  const fs = memoryPort(memory);
  const top = fs.openRoot(ascii('/'));
  fs.mkdir(top, ascii('root'), 0o755);
  for (const name of Object.keys(versions)) fs.mkdir(top, ascii(name), 0o755);
  fs.mkdir(top, ascii('build-info'), 0o755);
  fs.closeDir(top);
  build(fs, ROOT, [
    ...['var', 'var/db', 'var/db/pkg', 'var/db/pkg/app-misc', 'var/cache', 'var/cache/edb', 'var/lib'].map(directory),
    directory('var/lib/portage'),
    { path: 'var/db/.pkg.portage_lockfile', content: '' },
    { path: 'var/db/pkg/app-misc/.app:0.portage_lockfile', content: '' },
    { path: 'var/cache/edb/counter', content: '41' },
    ...root,
  ]);
  build(fs, ascii('/build-info'), [
    { path: 'SLOT', content: '0\n' },
    { path: 'EAPI', content: '8\n' },
    { path: 'repository', content: 'gentoo\n' },
  ]);
  for (const [name, entries] of Object.entries(versions)) build(fs, ascii(`/${name}`), entries);
  return fs;
}

/** Options to merge `app-misc/app-VERSION` from `/IMAGE`. */
export function packageOptions(fs: FsPort, image: string, version: string, ledger: PackageOptions = {}): MergeOptions {
  return {
    fs,
    image: `/${image}`,
    root: '/root',
    ledger: {
      package: `app-misc/app-${version}`,
      buildInfo: '/build-info',
      configProtect: ['/etc'],
      ...ledger,
    },
  };
}

/** Merges `app-misc/app-VERSION` from the image named so, into `/root`. */
export function mergeVersion(
  fs: FsPort,
  version: string,
  ledger: PackageOptions = {},
  options: Partial<MergeOptions> = {},
): MergeReport {
  return mergeSync({ ...packageOptions(fs, version, version, ledger), ...options });
}

export function unmergeVersion(fs: FsPort, version: string, ledger: PackageOptions = {}): MergeReport {
  return unmergeSync({
    fs,
    root: '/root',
    ledger: { package: `app-misc/app-${version}`, configProtect: ['/etc'], ...ledger },
  });
}

/** What the root has outside of `var`, one short line each: `etc/x -> y`, `etc/y "content"`, `etc/`, `etc/pipe fifo`. */
export function shown(fs: FsPort): string[] {
  const lines: string[] = [];
  const base = fs.openRoot(ROOT);
  const walk = (path: Bytes): void => {
    const dir = fs.openDir(base, path);
    for (const { name } of fs.list(dir)) {
      const below = join(path, name);
      const type = fs.stat(dir, name)?.type;
      if (below === 'var') continue;
      if (type === 'directory') {
        lines.push(`${below}/`);
        walk(below);
      } else if (type === 'symlink') lines.push(`${below} -> ${fs.readlink(dir, name)}`);
      else lines.push(type === 'file' ? `${below} ${JSON.stringify(readIn(fs, below))}` : `${below} ${type}`);
    }
    fs.closeDir(dir);
  };
  walk(ascii(''));
  fs.closeDir(base);
  return lines.sort();
}

function at<T>(fs: FsPort, path: string, act: (dir: DirHandle, name: Bytes) => T): T {
  const slash = path.lastIndexOf('/');
  const dir = fs.openRoot(ascii(`/root/${path.slice(0, Math.max(slash, 0))}`));
  try {
    return act(dir, ascii(path.slice(slash + 1)));
  } finally {
    fs.closeDir(dir);
  }
}

export function statIn(fs: FsPort, path: string): Stat | undefined {
  return at(fs, path, (dir, name) => fs.stat(dir, name));
}

/** Somebody writes a file of the root anew, in place or where there is none; its time is now, or what is given. */
export function edit(fs: FsPort, path: string, content: string, mtime?: Timestamp): void {
  at(fs, path, (dir, name) => {
    if (fs.stat(dir, name) !== undefined) fs.unlink(dir, name);
    const file = fs.createFile(dir, name, 0o644);
    fs.write(file, Buffer.from(content, 'latin1'));
    if (mtime !== undefined) fs.setTimes(file, mtime);
    fs.closeFile(file);
  });
}

export function retarget(fs: FsPort, path: string, target: string): void {
  at(fs, path, (dir, name) => {
    if (fs.stat(dir, name) !== undefined) fs.unlink(dir, name);
    fs.symlink(dir, name, ascii(target));
  });
}

/** Somebody removes a name with all below it. */
export function rm(fs: FsPort, path: string): void {
  at(fs, path, (dir, name) => removeTree({ dir, name }, fs));
}

export function link(fs: FsPort, from: string, to: string): void {
  at(fs, from, (source, name) => at(fs, to, (target, newName) => fs.link(source, name, target, newName)));
}

export function mv(fs: FsPort, from: string, to: string): void {
  at(fs, from, (source, name) => at(fs, to, (target, newName) => fs.rename(source, name, target, newName)));
}

/** CONTENTS of an installed version, without MD5 and mtime. */
export function contentsOf(fs: FsPort, version: string): string[] {
  const lines = readIn(fs, `var/db/pkg/app-misc/app-${version}/CONTENTS`).split('\n');
  return lines.filter((line) => line !== '').map((line) => line.replace(/( [0-9a-f]{32})? \d+$/, ''));
}

/** The root without what tells when the test ran: times of what the ledger writes. */
export function packagePicture(fs: FsPort, directoryTimes = false): string[] {
  return picture(fs, ROOT, directoryTimes).map((line) =>
    line.startsWith('var/') ? line.replace(/ \d{9,10}\.\d+/, '') : line,
  );
}

export function readIn(fs: FsPort, path: string): string {
  return at(fs, path, (dir, name) => {
    const file = fs.openFile(dir, name);
    const text = readWhole(file, fs).toString('latin1');
    fs.closeFile(file);
    return text;
  });
}
