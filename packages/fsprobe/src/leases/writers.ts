import { constants } from 'node:os';
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  type Bytes,
  close,
  F_RDLCK,
  F_UNLCK,
  fstatfs,
  isErrno,
  O_CLOEXEC,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  open,
  S_IFMT,
  S_IFREG,
  STATX_TYPE,
  setLease,
  setLeaseSignal,
  statx,
} from '@emplace/syscalls';
import { filesystemName } from '../filesystem.ts';

/** `some`: somebody has the file open for writing. `unknown`: why nobody can tell (errno name). */
export type Writers = 'none' | 'some' | { readonly unknown: string };

/** O_NONBLOCK: somebody's write lease is not waited for. */
const FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

/**
 * Whether anybody has a regular file open for writing: while that is so, exec of it fails with ETXTBSY. Asked by taking
 * a read lease, which the kernel refuses then (fcntl(2), F_SETLEASE), and giving it back at once.
 *
 * Not guaranteed: that it stays so. Who opens the file for writing in the microseconds of the lease waits for its end,
 * or with O_NONBLOCK gets EAGAIN. A file system that never answers hangs it.
 * @param path of the file; not followed when it is a symlink
 * @returns unknown EINVAL for what is no regular file or has no leases there, EACCES for somebody else's file without
 *   CAP_LEASE or read permission
 * @throws SyscallError when the path does not lead to anything
 */
export function writersOf(path: Bytes): Writers {
  const { mode } = statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE);
  // Opening a FIFO or a device is not without effect.
  if ((mode & S_IFMT) !== S_IFREG) return { unknown: 'EINVAL' };
  try {
    const fd = open(path, FLAGS);
    try {
      return tryLease(fd);
    } finally {
      close(fd);
    }
  } catch (error) {
    if (isErrno(error) && error.code !== 'ENOENT') return { unknown: error.code };
    throw error;
  }
}

function tryLease(fd: number): Writers {
  // Whoever breaks the lease has the kernel send SIGIO, which would end this process; SIGURG is ignored by default.
  setLeaseSignal(fd, constants.signals.SIGURG);
  try {
    setLease(fd, F_RDLCK);
  } catch (error) {
    if (!isErrno(error, 'EAGAIN')) throw error;
    // NFS says EAGAIN too when the server has handed out no delegation (fs/nfs/nfs4proc.c, nfs4_proc_setlease).
    return filesystemName(fstatfs(fd).type) === 'nfs' ? { unknown: 'EAGAIN' } : 'some';
  }
  setLease(fd, F_UNLCK);
  return 'none';
}
