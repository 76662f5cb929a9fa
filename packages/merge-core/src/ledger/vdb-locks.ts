/**
 * The lock files of Portage, taken such that it and Emplace exclude each other (docs/PORTAGE.md, J). Portage locks by
 * lockf(3), a record lock of a process; these are record locks of an open file, which conflict with those, but are kept
 * by whoever inherits the file, and not lost when some library closes another descriptor of it.
 *
 * Not guaranteed: against a Portage that cannot lock (ENOSYS, some network file systems) and makes hard links instead.
 */

import { readFileSync } from 'node:fs';
import type { DirHandle, FileHandle, FsPort } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno, show, toBytes } from '@emplace/syscalls';
import { explain, MergeError, quoted, refuse } from '../errors.ts';
import { closeUnwritten } from '../fs/close-unwritten.ts';
import { readWhole } from '../fs/whole-file.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, join, splitPath } from '../paths.ts';
import { damaged } from './read-below.ts';
import type { Vdb } from './vdb.ts';

/** Held until it is disposed. */
export interface VdbLock extends Disposable {
  /** Of the lock file, below the root. */
  readonly path: Bytes;
  /** A child that inherits it holds the lock too, until it ends. */
  readonly file: FileHandle;
}

/** Each turn means that another ended and took its lock file along; more than this many in a row does not happen. */
const TURNS_MAX = 1000;
const MODE = 0o660;
const SUFFIX = '.portage_lockfile';

/** The whole database: without FEATURES=parallel-install it is held while Portage merges, and always while it changes names in it. */
export function lockVdb(vdb: Vdb): VdbLock {
  return lockBeside(vdb, vdb.path);
}

/** One slot of one package: with FEATURES=parallel-install Portage holds this instead. */
export function lockSlot(vdb: Vdb, category: Bytes, pn: Bytes, slot: string): VdbLock {
  return lockBeside(vdb, join(join(vdb.path, category), ascii(`${pn}:${slot}`)));
}

/**
 * A file that Portage locks itself, and not one beside it: its config memory. undefined when there is none.
 * @param path below the root, without a symlink in it
 * @throws MergeError LOCKED
 */
export function lockExisting({ fs, root }: Pick<Vdb, 'fs' | 'root'>, path: Bytes): VdbLock | undefined {
  const { parent, name } = splitPath(path);
  using closing = new DisposableStack();
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    let file: FileHandle;
    try {
      file = fs.openWritable(root.at(parent), name);
    } catch (error) {
      // What is no file is told by who reads it.
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO')) return undefined;
      throw explain(error, 'PERMISSION', `cannot lock ${quoted(path)}`);
    }
    closing.adopt(file, (open) => closeUnwritten(open, fs));
    if (!fs.tryRecordLock(file)) throw held(file, path, fs);
    // Another file has the name by now when somebody wrote it anew.
    if (!isStill(file, root.at(parent), name, fs)) continue;
    const release = closing.move();
    return { path, file, [Symbol.dispose]: () => release.dispose() };
  }
  throw new Error('bug: the file was written anew again and again');
}

/**
 * What a merge held that was stopped, for who finishes it: Portage may have been at the database since.
 * @param paths of lock files, and of files that Portage locks themselves
 * @throws MergeError LOCKED, as those who took them first
 */
export function lockAgain(paths: readonly Bytes[], root: OpenDirectories, fs: FsPort): Disposable {
  using held = new DisposableStack();
  for (const path of paths) {
    if (path.endsWith(SUFFIX)) held.use(lockFile({ fs, root }, path));
    else held.use(lockExisting({ fs, root }, path));
  }
  return held.move();
}

/**
 * Takes `DIRECTORY/.NAME.portage_lockfile` for `DIRECTORY/NAME`. Missing directories are made, and are gone with the
 * lock when nothing was put into them; so is a lock file that was not there before.
 * @throws MergeError LOCKED with who holds it, PERMISSION, VDB_DAMAGED when the lock file is something else
 */
function lockBeside(vdb: Vdb, path: Bytes): VdbLock {
  return lockFile(vdb, lockFileOf(path));
}

/** Where Portage's lock for a file or directory is. */
export function lockFileOf(path: Bytes): Bytes {
  const { parent, name } = splitPath(path);
  return join(parent, `.${name}${SUFFIX}` as Bytes);
}

function lockFile({ fs, root }: Pick<Vdb, 'fs' | 'root'>, path: Bytes): VdbLock {
  const { parent, name } = splitPath(path);
  using undo = new DisposableStack();
  for (const one of makeDirectories(parent, root, fs).toReversed()) undo.defer(() => removeIfEmpty(one, root, fs));
  try {
    const dir = undo.adopt(fs.openDir(root.at(parent), HERE), (open) => fs.closeDir(open));
    const file = take(dir, name, path, undo, fs);
    const release = undo.move();
    return { path, file, [Symbol.dispose]: () => release.dispose() };
  } catch (error) {
    throw explain(error, 'PERMISSION', `cannot lock ${quoted(path)}`);
  }
}

/** @param release closes it, and removes it when it was not there before */
function take(dir: DirHandle, name: Bytes, path: Bytes, release: DisposableStack, fs: FsPort): FileHandle {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    using closing = new DisposableStack();
    const opened = openOrCreate(dir, name, path, fs);
    if (opened === undefined) continue;
    const file = closing.adopt(opened.file, (open) => closeUnwritten(open, fs));
    if (fs.statHandle(file).type !== 'file') throw noFile(path);
    if (!fs.tryRecordLock(file)) throw held(file, path, fs);
    // Its last holder may have removed it between our open and our lock.
    if (!isStill(file, dir, name, fs)) continue;
    // While it is locked, and never without: who waits for it sees that the name is gone, and turns again.
    if (opened.isNew) closing.defer(() => ignoreErrno(() => isStill(file, dir, name, fs) && fs.unlink(dir, name)));
    release.use(closing.move());
    return file;
  }
  throw new Error('bug: the lock file vanished again and again');
}

/** undefined when it came or went in between. */
function openOrCreate(
  dir: DirHandle,
  name: Bytes,
  path: Bytes,
  fs: FsPort,
): { file: FileHandle; isNew: boolean } | undefined {
  try {
    return { file: fs.openWritable(dir, name), isNew: false };
  } catch (error) {
    if (isErrno(error, 'ELOOP', 'EISDIR')) throw noFile(path);
    if (!isErrno(error, 'ENOENT')) throw error;
  }
  // Users of the group portage lock it too. That we may not give it to them is no reason not to hold it.
  const group = portageGroup(fs);
  try {
    const file = fs.createFile(dir, name, MODE);
    if (group !== undefined) ignoreErrno(() => fs.chown(file, fs.uid, group));
    return { file, isNew: true };
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return undefined;
    throw error;
  }
}

function noFile(path: Bytes): MergeError {
  return refuse([damaged(path, `${quoted(path)} is no regular file`)]);
}

function isStill(file: FileHandle, dir: DirHandle, name: Bytes, fs: FsPort): boolean {
  const [held, there] = [fs.statHandle(file), fs.stat(dir, name)];
  return there !== undefined && there.ino === held.ino && there.dev === held.dev;
}

function held(file: FileHandle, path: Bytes, fs: FsPort): MergeError {
  const pid = fs.recordLockHolder(file);
  const who = pid === undefined ? 'another program' : `process ${pid}${commandOf(pid)}`;
  return new MergeError('LOCKED', `${quoted(path)} is locked by ${who}`, { outcome: 'locked' });
}

/** For people; empty where /proc does not tell. */
function commandOf(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`).subarray(0, 80);
    return ` (\`${show(toBytes(words)).replaceAll('\\x00', ' ').trim()}\`)`;
  } catch {
    return '';
  }
}

/** The group that Portage on this machine gives its lock files to: of the running system, whatever the root is. */
function portageGroup(fs: FsPort): number | undefined {
  try {
    using closing = new DisposableStack();
    const top = closing.adopt(fs.openRoot(ascii('/')), (dir) => fs.closeDir(dir));
    const etc = closing.adopt(fs.openDir(top, ascii('etc')), (dir) => fs.closeDir(dir));
    const file = closing.adopt(fs.openFile(etc, ascii('group')), (open) => fs.closeFile(open));
    const id = /^portage:[^:]*:(\d+):/m.exec(readWhole(file, fs).toString('latin1'))?.[1];
    return id === undefined ? undefined : Number(id);
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

/** @returns those that were missing, the deepest first */
function makeDirectories(path: Bytes, root: OpenDirectories, fs: FsPort): Bytes[] {
  const made: Bytes[] = [];
  let at = HERE;
  try {
    for (const name of path.split('/') as Bytes[]) {
      try {
        fs.mkdir(root.at(at), name, 0o755);
        made.unshift(join(at, name));
      } catch (error) {
        if (!isErrno(error, 'EEXIST')) throw error;
      }
      at = join(at, name);
    }
    return made;
  } catch (error) {
    for (const one of made) removeIfEmpty(one, root, fs);
    throw explain(error, 'PERMISSION', `cannot make ${quoted(path)}`);
  }
}

function removeIfEmpty(path: Bytes, root: OpenDirectories, fs: FsPort): void {
  const { parent, name } = splitPath(path);
  ignoreErrno(() => fs.rmdir(root.at(parent), name));
}

function ignoreErrno(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!isErrno(error)) throw error;
  }
}
