/**
 * Files below a root that somebody else may have laid out: a container's. No symlink leads out of it, nothing but a
 * regular file is ever opened for reading (opening a device can do harm, a FIFO hangs), and none is read whole.
 *
 * Not guaranteed: that a root which a FUSE or network server serves answers at all.
 */
import {
  AT_EMPTY_PATH,
  ascii,
  type Bytes,
  close,
  isErrno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  open,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  read,
  readlinkat,
  STATX_INO,
  STATX_TYPE,
  tryStatx,
} from '@emplace/syscalls';
import type { Identity } from '../processes/read.ts';

/** A directory that is the top of a tree of files, open. */
export interface Root extends Disposable {
  readonly fd: number;
  /** RESOLVE_* that bind every way below it. */
  readonly way: number;
}

export const OWN_ROOT: Bytes = ascii('/');

const ITSELF = ascii('');
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const STRAIGHT = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

/**
 * Opens `/` or `/proc/PID/root`; undefined when it is gone or closed to us.
 * Below a foreign one no mount is entered: whoever mounts there may serve it himself and never answer.
 */
export function openRoot(path: Bytes): Root | undefined {
  const fd = tryOpen(() => open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fd === undefined) return undefined;
  const way = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (path === OWN_ROOT ? 0 : RESOLVE_NO_XDEV);
  return { fd, way, [Symbol.dispose]: () => close(fd) };
}

/** Opens a directory to list it; symlinks on the way are followed as the root's own processes would. */
export function openDirectory(root: Root, path: Bytes): Root | undefined {
  const fd = tryOpen(() => openat2(root.fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, root.way));
  if (fd === undefined) return undefined;
  return { fd, way: STRAIGHT | (root.way & RESOLVE_NO_XDEV), [Symbol.dispose]: () => close(fd) };
}

/** Opens a regular file for reading; undefined for whatever cannot be had, or is none. The caller closes it. */
export function openRegular(root: Root, path: Bytes): number | undefined {
  return tryOpen(() => {
    const pinned = openat2(root.fd, path, O_PATH | O_CLOEXEC, root.way);
    try {
      const mode = tryStatx(pinned, ITSELF, AT_EMPTY_PATH, STATX_TYPE)?.mode ?? 0;
      if ((mode & S_IFMT) !== S_IFREG) return undefined;
      // What was pinned and looked at, whatever has its name by now.
      return open(ascii(`/proc/self/fd/${pinned}`), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    } finally {
      close(pinned);
    }
  });
}

/** The text of a small file of the root; undefined when it is not to be had. What is longer than `bytesMax` is cut. */
export function textOf(root: Root, path: Bytes, bytesMax: number = 64 * 1024): Bytes | undefined {
  const fd = openRegular(root, path);
  if (fd === undefined) return undefined;
  try {
    const text = Buffer.allocUnsafe(bytesMax);
    return text.latin1Slice(0, read(fd, text)) as Bytes;
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  } finally {
    close(fd);
  }
}

/** Which directory a path leads to in the root. */
export function directoryAt(root: Root, path: Bytes): Identity | undefined {
  const fd = tryOpen(() => openat2(root.fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC, root.way));
  if (fd === undefined) return undefined;
  try {
    const found = tryStatx(fd, ITSELF, AT_EMPTY_PATH, STATX_INO);
    return found === undefined ? undefined : { dev: found.dev, ino: found.ino };
  } finally {
    close(fd);
  }
}

/** What the symlink at `path` says; undefined for all else. */
export function linkAt(root: Root, path: Bytes): Bytes | undefined {
  const fd = tryOpen(() => openat2(root.fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, root.way));
  if (fd === undefined) return undefined;
  try {
    return readlinkat(fd, ITSELF);
  } catch (error) {
    // ENOENT: no symlink (readlinkat(2), for an empty path).
    if (isErrno(error)) return undefined;
    throw error;
  } finally {
    close(fd);
  }
}

function tryOpen(act: () => number | undefined): number | undefined {
  try {
    return act();
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}
