/** The calls of a probe on the file system that it probes. Each may hang: they are made in children only. */
import { AT_REMOVEDIR, ascii, type Bytes, isErrno, mkdirat, unlinkat } from '@emplace/syscalls';
import { linuxPort } from '../fs/linux.ts';
import type { DirHandle, Timestamp } from '../fs/port.ts';
import { restoreTime } from '../fs/restore-time.ts';
import { ignoringGone } from '../ignoring.ts';
import { makePrivateDirectory, openPrivateDirectory } from '../private-directory.ts';
import type { Jobs, Made, Place } from './messages.ts';
import { SHAPES, type ShapeName } from './shapes.ts';

const SOURCE = ascii('entry.new');
const TARGET = ascii('entry');

/**
 * Makes the probe's directory. Below it everything is reached by handles, and each process makes sure first that it is
 * the one that was made, so nobody who may write in `dir` can lead the probe elsewhere.
 * @returns when `dir` was last modified, and what the others know the directory by
 * @throws SyscallError when it cannot be made; any other error for one that was made and cannot be used
 */
export function prepare({ dir, name }: Place): { before: Timestamp } & Made {
  const fs = linuxPort();
  const parent = fs.openRoot(dir);
  const before = fs.stat(parent, ascii(''))?.mtime ?? { sec: 0, nsec: 0 };
  try {
    return { before, identity: makePrivateDirectory(parent, name, fs).identity };
  } catch (error) {
    if (!isErrno(error) || error.call === 'mkdirat') throw error;
    throw new Error(error.message, { cause: error });
  }
}

/**
 * Renames in one shape, in a directory of its own: a rename that hangs holds the lock of the directory it is in.
 * Handles go with the process, here and below.
 * @param renaming called when the next call is the rename
 * @throws SyscallError of the rename, or of what comes before it
 */
export function tryShape({ dir, name, identity, shape }: Jobs['try'], renaming: () => void): void {
  const fs = linuxPort();
  const { directories, replaces } = SHAPES[shape];
  let at = openPrivateDirectory(fs.openRoot(dir), name, fs, identity).dir;
  for (const directory of [shapeDirectory(shape), ...directories]) {
    mkdirat(at, directory, 0o700);
    at = fs.openDir(at, directory);
  }
  for (const file of replaces ? [SOURCE, TARGET] : [SOURCE]) {
    const created = fs.createFile(at, file, 0o600);
    fs.write(created, Buffer.from(file));
    fs.closeFile(created);
  }
  renaming();
  try {
    fs.rename(at, SOURCE, at, TARGET);
  } catch (error) {
    // ENOENT may say that the file system cannot rename, or that somebody has removed what is to be renamed.
    if (isErrno(error, 'ENOENT', 'ESTALE') && fs.stat(at, SOURCE) === undefined) {
      throw new Error('its files were removed while it ran');
    }
    throw error;
  }
}

/**
 * Removes what the shapes made, by its names: what others put there stays. In the end `dir` has its time back.
 * @param all whether the probe's directory is to go as well. Not while a child is stuck in it: this call would lock
 *   `dir` itself, and with it everybody who works there
 * @param next called before each piece of that: all of it may take long where a server has to be asked
 * @throws SyscallError, NotOursError, Error when something is left; what somebody else has removed is none
 */
export function clean({ dir, name, identity, shapes, all, before }: Jobs['clean'], next: () => void): void {
  const fs = linuxPort();
  ignoringGone(() => {
    const parent = fs.openRoot(dir);
    const top = openPrivateDirectory(parent, name, fs, identity);
    for (const shape of shapes) {
      const [first, ...below] = [shapeDirectory(shape), ...SHAPES[shape].directories];
      next();
      removeShape(top.dir, first, below);
    }
    if (!all) return;
    next();
    const left = top.remove(() => {});
    if (left !== undefined) throw new Error(left);
    if (before !== undefined) restoreIfPossible(parent, before);
  });

  function restoreIfPossible(parent: DirHandle, mtime: Timestamp): void {
    try {
      restoreTime(parent, mtime, fs);
    } catch (error) {
      // All is removed: that is what matters.
      if (!isErrno(error)) throw error;
    }
  }
  function removeShape(at: DirHandle, directory: Bytes, below: readonly Bytes[]): void {
    ignoringGone(() => {
      const opened = fs.openDir(at, directory);
      const [inner, ...rest] = below;
      if (inner !== undefined) removeShape(opened, inner, rest);
      else for (const file of [SOURCE, TARGET]) ignoringGone(() => unlinkat(opened, file));
      unlinkat(at, directory, AT_REMOVEDIR);
    });
  }
}

function shapeDirectory(shape: ShapeName): Bytes {
  return ascii(shape);
}
