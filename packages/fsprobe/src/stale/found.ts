import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_DONT_SYNC,
  type Bytes,
  close,
  isErrno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  openat,
  PATH_MAX,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
  type Statx,
  type Time,
  tryStatx,
} from '@emplace/syscalls';
import type { Identity } from '../processes/read.ts';

/** A file as it is at one moment. Times are seconds since 1970. */
export interface Present extends Identity {
  readonly nlink: number;
  /** S_IF* and permission bits. */
  readonly mode: number;
  /** undefined before Linux 5.8; 0 for mounts of the kernel's own. */
  readonly mountId: number | undefined;
  readonly mtime: number;
  readonly ctime: number;
  /** undefined where the file system does not keep it. */
  readonly btime: number | undefined;
}

/** What a path leads to. `unknown`: that may not be looked at, or there is no saying where the path begins. */
export type Found = Present | 'absent' | 'unknown';

/** Without asking a server, so that a network file system which is gone is not waited for longer than the way there takes. */
const FLAGS = AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
const MASK = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
const ITSELF = '' as Bytes;

/** @returns undefined for ENOENT @throws SyscallError */
export function statFile(dir: number, path: Bytes): Present | undefined {
  const found = tryStatx(dir, path, FLAGS, MASK);
  return found === undefined ? undefined : present(found);
}

/** What a descriptor holds. @throws SyscallError */
export function statDescriptor(fd: number): Present | undefined {
  const found = tryStatx(fd, ITSELF, FLAGS | AT_EMPTY_PATH, MASK);
  return found === undefined ? undefined : present(found);
}

/** What an absolute path leads to, however long it is. Symlinks are followed, in a path of PATH_MAX and more only the last one. */
export function findPath(path: Bytes): Found {
  return asFound(() => (path.length < PATH_MAX ? statFile(AT_FDCWD, path) : statLong(path)));
}

/** Takes the errors that mean absence, and all others for not knowing. */
export function asFound(look: () => Present | undefined): Found {
  try {
    return look() ?? 'absent';
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return 'absent';
    if (isErrno(error)) return 'unknown';
    throw error;
  }
}

/** The way there in steps that the kernel takes. */
function statLong(path: Bytes): Present | undefined {
  let at = openat(AT_FDCWD, '/' as Bytes, O_PATH | O_DIRECTORY | O_CLOEXEC);
  try {
    let rest = path.slice(1);
    while (rest.length >= PATH_MAX) {
      const cut = rest.lastIndexOf('/', PATH_MAX - 2);
      // A single name is never that long: the text is no path.
      if (cut <= 0) return undefined;
      const next = openat(at, rest.slice(0, cut) as Bytes, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      close(at);
      at = next;
      rest = rest.slice(cut + 1);
    }
    return statFile(at, rest as Bytes);
  } finally {
    close(at);
  }
}

function present(found: Statx): Present {
  return {
    dev: found.dev,
    ino: found.ino,
    nlink: found.nlink,
    mode: found.mode,
    mountId: (found.mask & STATX_MNT_ID) === 0 ? undefined : found.mountId,
    mtime: seconds(found.mtime),
    ctime: seconds(found.ctime),
    btime: (found.mask & STATX_BTIME) === 0 ? undefined : seconds(found.btime),
  };
}

function seconds({ sec, nsec }: Time): number {
  return sec + nsec / 1e9;
}
