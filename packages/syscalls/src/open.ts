import { AT_FDCWD, F_DUPFD_CLOEXEC, O_CLOEXEC, O_CREAT, SYS_openat2 } from './constants.ts';
import { EAGAIN, EINTR, failed, interrupted } from './errno.ts';
import { native } from './native.ts';
import { first, type PathArgument } from './path.ts';

/** A lookup with `..` is answered EAGAIN when something was renamed or mounted meanwhile (openat2(2)). */
const ATTEMPTS_MAX = 128;

/** struct open_how: flags, mode, resolve, 64 bits each. */
const how = new DataView(new ArrayBuffer(24));
const howBytes = Buffer.from(how.buffer);

const ends = new Int32Array(2);
const endsBytes = Buffer.from(ends.buffer);

/**
 * Opens `path` below `dir` with O_* `flags`. See openat(2).
 * @param dir a descriptor or AT_FDCWD
 * @param mode permission bits for O_CREAT and O_TMPFILE, cut by the umask
 * @returns the descriptor; pass O_CLOEXEC unless a child is to have it
 */
export function openat(dir: number, path: PathArgument, flags: number, mode = 0): number {
  const name = first(path, 'openat');
  let fd: number;
  do fd = native().openat(dir, name, flags, mode);
  while (fd === -1 && !(flags & O_CREAT) && interrupted());
  if (fd === -1) throw failed('openat', path);
  return fd;
}

/** openat from the working directory. */
export function open(path: PathArgument, flags: number, mode = 0): number {
  return openat(AT_FDCWD, path, flags, mode);
}

/**
 * Opens `path` below `dir`, the way there bound by RESOLVE_* flags. Linux 5.6; see openat2(2).
 * @throws SyscallError EXDEV for a way out of RESOLVE_BENEATH or over a mount with RESOLVE_NO_XDEV, ELOOP for a
 *   symlink with RESOLVE_NO_SYMLINKS, EAGAIN when renames kept disturbing it, ENOSYS on older kernels
 */
export function openat2(dir: number, path: PathArgument, flags: number, resolve: number, mode = 0): number {
  const name = first(path, 'openat2');
  how.setUint32(0, flags, true);
  how.setUint32(8, mode, true);
  how.setUint32(16, resolve, true);
  for (let attempt = 1; ; attempt++) {
    const fd = native().syscall5(SYS_openat2, dir, name, howBytes, how.byteLength);
    if (fd !== -1) return fd;
    const errno = native().errno();
    const again = (errno === EINTR && !(flags & O_CREAT)) || errno === EAGAIN;
    if (!again || attempt === ATTEMPTS_MAX) throw failed('openat2', path);
  }
}

/**
 * Releases a descriptor. EINTR is success: Linux has released it. See close(2).
 * @throws SyscallError EIO, ENOSPC, EDQUOT of an earlier write; the descriptor is gone all the same
 */
export function close(fd: number): void {
  if (native().close(fd) === -1 && !interrupted()) throw failed('close');
}

/** A second descriptor of the same open file, close-on-exec. See fcntl(2), F_DUPFD_CLOEXEC. */
export function dup(fd: number): number {
  const copy = native().fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy === -1) throw failed('fcntl');
  return copy;
}

/** A pipe: the end to read from, then the one to write to, both close-on-exec. See pipe2(2). */
export function pipe(): [read: number, write: number] {
  if (native().pipe2(endsBytes, O_CLOEXEC) === -1) throw failed('pipe2');
  return [ends[0] as number, ends[1] as number];
}
