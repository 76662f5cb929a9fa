import {
  AT_NO_AUTOMOUNT,
  AT_STATX_DONT_SYNC,
  type Bytes,
  close,
  isErrno,
  O_CLOEXEC,
  O_RDONLY,
  openat,
  read,
  readlinkat,
  STATX_INO,
  STATX_NLINK,
  STATX_TYPE,
  type Statx,
  tryStatx,
} from '@emplace/syscalls';

/** One inode, whatever its names are. Never reused while somebody holds it. */
export interface Identity {
  readonly dev: number;
  readonly ino: bigint;
}

/** What could not be read, with the errno name. It says nothing about what is there. */
export interface Unread {
  readonly unread: string;
}

/** What a process holds, as stat through a magic link tells. */
export interface Held extends Identity {
  /** Names it has left. Not a sign of being deleted: overlay keeps 1 for a replaced file of its lower layer. */
  readonly nlink: number;
}

/** One magic link of /proc: the path it shows, and what it leads to. Either can be read without the other. */
export interface Link {
  /** As the kernel renders it for this process, ` (deleted)` and all: evidence, never proof. */
  readonly shown: Bytes | Unread;
  readonly file: Held | Unread;
}

export function isUnread(value: unknown): value is Unread {
  return typeof value === 'object' && value !== null && 'unread' in value;
}

export function sameFile(a: Identity, b: Identity): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

/** Reads a magic link and through it. Does not throw for what the kernel refuses. */
export function readLink(at: number, name: Bytes): Link {
  return { shown: attempt(() => readlinkat(at, name)), file: attempt(() => heldAt(at, name)) };
}

/**
 * Stat through a magic link, for hot paths: undefined for ENOENT; see `tryStatx` for how long the answer is good.
 * Without asking a server, so that a network file system that is gone does not hang us.
 */
export function statThrough(at: number, name: Bytes): Statx | undefined {
  return tryStatx(at, name, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO | STATX_NLINK);
}

/** The whole text of a file of /proc. Not guaranteed: that its parts are of one moment, beyond the first page. @throws SyscallError */
export function readWhole(at: number, name: Bytes): Bytes {
  const fd = openat(at, name, O_RDONLY | O_CLOEXEC);
  try {
    const chunk = Buffer.allocUnsafe(16 * 1024);
    let text = '';
    for (let count = read(fd, chunk); count > 0; count = read(fd, chunk)) text += chunk.latin1Slice(0, count);
    return text as Bytes;
  } finally {
    close(fd);
  }
}

/** What `ask` returns, or the errno that it met. */
export function attempt<T>(ask: () => T): T | Unread {
  try {
    return ask();
  } catch (error) {
    if (isErrno(error)) return { unread: error.code };
    throw error;
  }
}

function heldAt(at: number, name: Bytes): Held | Unread {
  const found = statThrough(at, name);
  if (found === undefined) return { unread: 'ENOENT' };
  return { dev: found.dev, ino: found.ino, nlink: found.nlink };
}
