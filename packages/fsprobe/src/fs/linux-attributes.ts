/**
 * Pinned handles, and the attribute calls that take both kinds of handle.
 *
 * A pinned handle is the complement of its O_PATH descriptor, so it is negative: such a descriptor knows no f* calls
 * (EBADF), and asking which kind it is would cost a call each time.
 */

import type { Bytes } from '@emplace/syscalls';
import * as sys from '@emplace/syscalls';
import type { DirHandle, FileHandle, Timestamp, Xattrs } from './port.ts';

const HERE = sys.ascii('.');
const ITSELF = sys.ascii('');
const NONE: Xattrs = new Map();

export function pin(at: DirHandle, name: Bytes): FileHandle {
  return ~sys.openat(at, name === '' ? HERE : name, sys.O_PATH | sys.O_NOFOLLOW | sys.O_CLOEXEC) as FileHandle;
}

function isPinned(file: FileHandle): boolean {
  return file < 0;
}

export function descriptor(file: FileHandle): number {
  return isPinned(file) ? ~file : file;
}

/** A magic link that leads to the pinned object itself, also when that is a symlink (the lookup ends there). */
function magicLink(file: FileHandle): Bytes {
  return sys.ascii(`/proc/self/fd/${~file}`);
}

export function chown(file: FileHandle, uid: number, gid: number): void {
  if (isPinned(file)) sys.fchownat(~file, ITSELF, uid, gid, sys.AT_EMPTY_PATH);
  else sys.fchown(file, uid, gid);
}

export function chmod(file: FileHandle, mode: number): void {
  if (isPinned(file)) sys.chmod(magicLink(file), mode);
  else sys.fchmod(file, mode);
}

export function setTimes(file: FileHandle, mtime: Timestamp): void {
  if (isPinned(file)) sys.utimensat(~file, ITSELF, mtime, mtime, sys.AT_EMPTY_PATH);
  else sys.futimens(file, mtime, mtime);
}

export function xattrs(file: FileHandle): Xattrs {
  const link = isPinned(file) ? magicLink(file) : undefined;
  let keys: readonly Bytes[];
  try {
    keys = link ? sys.listxattr(link) : sys.flistxattr(file);
  } catch (error) {
    if (sys.isErrno(error, 'EOPNOTSUPP')) return NONE;
    throw error;
  }
  if (keys.length === 0) return NONE;
  const found = new Map<Bytes, Buffer>();
  for (const key of keys) {
    try {
      found.set(key, link ? sys.getxattr(link, key) : sys.fgetxattr(file, key));
    } catch (error) {
      // Removed since it was listed.
      if (!sys.isErrno(error, 'ENODATA')) throw error;
    }
  }
  return found;
}

export function setXattr(file: FileHandle, key: Bytes, value: Buffer): void {
  if (isPinned(file)) sys.setxattr(magicLink(file), key, value);
  else sys.fsetxattr(file, key, value);
}

export function removeXattr(file: FileHandle, key: Bytes): void {
  if (isPinned(file)) sys.removexattr(magicLink(file), key);
  else sys.fremovexattr(file, key);
}
