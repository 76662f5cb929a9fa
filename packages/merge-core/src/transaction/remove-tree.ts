import { type FileHandle, type FsPort, ignoring, type Stat } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { OpenDirectories } from '../open-directories.ts';
import { HERE, join, splitPath } from '../paths.ts';
import type { OldEntry } from '../plan/model.ts';
import type { Name } from '../strategy/strategy.ts';

export interface RemoveOptions {
  /** Entries that stay, by their path below the tree's top; a directory that keeps one stays too. */
  readonly keep?: (path: Bytes, stat: Stat) => boolean;
  /** Take setuid bits and capabilities away first: a user may hold a hard link to a replaced program. */
  readonly defuse?: boolean;
}

/** Removes an entry with all below it; what is gone already is fine. Never crosses into another mount. @returns whether nothing is left. */
export function removeTree(top: Name, fs: FsPort, options: RemoveOptions = {}): boolean {
  const stat = fs.stat(top.dir, top.name);
  if (stat === undefined) return true;
  if (stat.type !== 'directory') {
    removeEntry(top, stat, fs, options);
    return true;
  }
  if (stat.mountRoot) return false;
  const topDir = fs.openDir(top.dir, top.name);
  try {
    using below = new OpenDirectories(fs, topDir);
    if (!emptyTree(below, fs, options)) return false;
  } finally {
    fs.closeDir(topDir);
  }
  return removeDirectory(top, fs);
}

function emptyTree(tree: OpenDirectories, fs: FsPort, options: RemoveOptions): boolean {
  const pending: Bytes[] = [HERE];
  const directories: Bytes[] = [];
  let empty = true;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (path !== HERE) directories.push(path);
    const dir = tree.at(path);
    for (const { name } of fs.list(dir)) {
      const stat = fs.stat(dir, name);
      if (stat === undefined) continue;
      const entry = join(path, name);
      if (options.keep?.(entry, stat) === true || stat.mountRoot) empty = false;
      else if (stat.type === 'directory') pending.push(entry);
      else removeEntry({ dir, name }, stat, fs, options);
    }
  }
  for (const path of directories.reverse()) {
    const { parent, name } = splitPath(path);
    empty = removeDirectory({ dir: tree.at(parent), name }, fs) && empty;
  }
  return empty;
}

/** Removes one entry that is no directory. */
function removeEntry(entry: Name, stat: Stat, fs: FsPort, { defuse = false }: RemoveOptions): void {
  if (defuse && stat.type === 'file' && isArmed(stat)) removeArmed(entry, fs);
  else ignoring(() => fs.unlink(entry.dir, entry.name), 'ENOENT');
}

/** The same for what may be a dangerous program, which is made harmless first; what is gone already is fine. */
export function removeArmed({ dir, name }: Name, fs: FsPort): void {
  ignoring(() => {
    const pinned = fs.pin(dir, name);
    try {
      disarmPinned(pinned, undefined, fs);
    } finally {
      fs.closeFile(pinned);
    }
    fs.unlink(dir, name);
  }, 'ENOENT');
}

function removeDirectory({ dir, name }: Name, fs: FsPort): boolean {
  return ignoring(() => fs.rmdir(dir, name), 'ENOTEMPTY', 'EEXIST', 'EBUSY');
}

const CAPABILITY: Bytes = ascii('security.capability');

/**
 * Takes away what makes a program dangerous in the hands of who kept a hard link to it (as rpm and dpkg do), through a handle: it may
 * have no name any more. Only if it is still what is `expected`, where something is, and by the mode that it has: who may write to the
 * directory can have put a file of others under the name, which would get another one's mode.
 * @returns what gives it all back
 */
export function disarmPinned(
  pinned: FileHandle,
  expected: Pick<Stat, 'mode' | 'ino'> | undefined,
  fs: FsPort,
): () => void {
  if (expected !== undefined && !isArmed(expected)) return () => {};
  const { type, ino, mode } = fs.statHandle(pinned);
  if (type !== 'file' || (expected !== undefined && ino !== expected.ino)) return () => {};
  const capability = fs.xattrs(pinned).get(CAPABILITY);
  if ((mode & 0o6000) !== 0) fs.chmod(pinned, mode & 0o777);
  if (capability !== undefined) ignoring(() => fs.removeXattr(pinned, CAPABILITY), 'ENODATA', 'EOPNOTSUPP', 'EPERM');
  return () => {
    if ((mode & 0o6000) !== 0) fs.chmod(pinned, mode);
    if (capability !== undefined) fs.setXattr(pinned, CAPABILITY, capability);
  };
}

/** Whether an old entry that may be dangerous goes with this name, since no link to it is kept: for a user may have one. */
export function goesNow(undo: string, old: Pick<OldEntry, 'type' | 'mode'>): boolean {
  if (old.type !== 'file') return false;
  return undo === 'none' || ((undo === 'reflink' || undo === 'copy') && isArmed(old));
}

/** By its mode: it may have capabilities. */
export function isArmed({ mode }: Pick<Stat, 'mode'>): boolean {
  return (mode & 0o6111) !== 0;
}
