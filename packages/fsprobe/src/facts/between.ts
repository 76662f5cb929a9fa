/** What works between two directories. Each question leaves its files to the workbench. */

import { ascii, type Bytes, isErrno, show } from '@emplace/syscalls';
import type { DirHandle, FileHandle, FsPort } from '../fs/port.ts';
import { LONG_NAME } from './bench-names.ts';
import { type Fact, no, notMeasured, refused, yes } from './fact.ts';
import { isOfOne } from './one-file-system.ts';
import type { Workbench } from './workbench.ts';

const CONTENT = Buffer.alloc(4096, 1);

export function rename({ source, target, fs }: Workbench): Fact {
  const name = ascii('rename');
  makeFile(source, name, fs);
  fs.rename(source, name, target, name);
  return yes;
}

/** With something in it. Not guaranteed: that overlay renames one that its lower layer holds. */
export function renameDirectory({ source, target, fs }: Workbench): Fact {
  const name = ascii('rename-directory');
  fs.mkdir(source, name, 0o700);
  const dir = fs.openDir(source, name);
  try {
    makeFile(dir, name, fs);
  } finally {
    fs.closeDir(dir);
  }
  fs.rename(source, name, target, name);
  return yes;
}

export function link({ source, target, fs }: Workbench): Fact {
  const name = ascii('link');
  makeFile(source, name, fs);
  fs.link(source, name, target, name);
  return yes;
}

/** FICLONE. */
export function reflink(bench: Workbench): Fact {
  return share(bench, 'reflink', refused('EXDEV'), (from, to) => bench.fs.clone(from, to));
}

/** copy_file_range(2). */
export function copyRange(bench: Workbench): Fact {
  const unknown = notMeasured('the source directory has no file to read, and none can be made in it');
  return share(bench, 'copy-range', unknown, (from, to) => void bench.fs.copyRange(from, to, 0, CONTENT.length));
}

/**
 * A process that holds a file which a rename out of the source directory replaced still shows it by its own path: not so
 * before Linux 4.17 (commit 076515fc9267; Gentoo bug 626092). The path of a descriptor is made of the same dentry as
 * those of exe and maps, so one of our own answers for all of them.
 */
export function cleanRename(bench: Workbench): Fact {
  return showsOwnPath(bench, () => bench.source, 'renamed');
}

/** The same of a file that is replaced from beside it, as every strategy but `rename` does. */
export function cleanStaged(bench: Workbench): Fact {
  return showsOwnPath(bench, () => bench.target, 'staged');
}

function makeFile(dir: DirHandle, name: Bytes, fs: FsPort): void {
  fs.closeFile(fs.createFile(dir, name, 0o600));
}

/** @param elsewhere the answer where the source is another file system, and has nothing to read */
function share(bench: Workbench, name: string, elsewhere: Fact, act: (from: FileHandle, to: FileHandle) => void): Fact {
  const { fs } = bench;
  const to = fs.createFile(bench.target, ascii(`${name}-to`), 0o600);
  try {
    const from = readable(bench, ascii(`${name}-from`), to);
    if (from === undefined) return elsewhere;
    try {
      act(from, to);
    } finally {
      fs.closeFile(from);
    }
  } finally {
    fs.closeFile(to);
  }
  return yes;
}

/** A file of the source's file system. Where none can be made (a read-only image) it is one that is there already. */
function readable(bench: Workbench, name: Bytes, to: FileHandle): FileHandle | undefined {
  const { fs, parents } = bench;
  try {
    return makeContent(bench.source, name, fs);
  } catch (error) {
    if (!bench.failed(error)) throw error;
  }
  // Only of its own file system can the target speak for the source.
  return isOfOne(parents.source, to, fs) ? makeContent(bench.target, name, fs) : openSome(parents.source, fs);
}

function makeContent(dir: DirHandle, name: Bytes, fs: FsPort): FileHandle {
  const file = fs.createFile(dir, name, 0o600);
  fs.write(file, CONTENT);
  return file;
}

/** Some file with content that may be read. */
function openSome(dir: DirHandle, fs: FsPort): FileHandle | undefined {
  for (const { name } of fs.list(dir)) {
    const stat = fs.stat(dir, name);
    if (stat?.type !== 'file' || stat.size === 0) continue;
    try {
      return fs.openFile(dir, name);
    } catch (error) {
      if (!isErrno(error)) throw error;
    }
  }
  return undefined;
}

/** A call that is refused says nothing of paths. */
function showsOwnPath(bench: Workbench, from: () => DirHandle, role: string): Fact {
  try {
    return pathAfter(bench.target, from(), role, bench.fs);
  } catch (error) {
    if (isErrno(error)) return notMeasured(`${error.call} gave ${error.code}`);
    throw error;
  }
}

function pathAfter(target: DirHandle, from: DirHandle, role: string, fs: FsPort): Fact {
  const held = ascii(`${LONG_NAME}-${role}`);
  const file = fs.createFile(target, held, 0o600);
  try {
    const own = fs.pathShown(file);
    if (own === undefined) return notMeasured('/proc shows no paths');
    makeFile(from, ascii(role), fs);
    fs.rename(from, ascii(role), target, held);
    const shown = fs.pathShown(file);
    if (shown === undefined) return notMeasured('/proc shows no paths');
    return shown === own || shown === `${own} (deleted)` ? yes : no(`shows \`${show(shown)}\``);
  } finally {
    fs.closeFile(file);
  }
}
