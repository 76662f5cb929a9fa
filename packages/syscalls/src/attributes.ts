/** Owner, mode and times. Setting them twice is harmless, so EINTR is retried. */
import { failed, interrupted } from './errno.ts';
import { native } from './native.ts';
import { first, type PathArgument } from './path.ts';
import type { Time } from './stat.ts';

const times = new DataView(new ArrayBuffer(32));
const timesBytes = Buffer.from(times.buffer);

/**
 * Sets owner and group by number; -1 (as 0xffffffff) leaves one. It clears setuid, setgid and capabilities of a file
 * even when nothing changes. See fchownat(2).
 * @param flags AT_SYMLINK_NOFOLLOW, or AT_EMPTY_PATH with path '' for what `dir` holds, O_PATH included
 */
export function fchownat(dir: number, path: PathArgument, uid: number, gid: number, flags: number): void {
  const name = first(path, 'fchownat');
  let status: number;
  do status = native().fchownat(dir, name, uid, gid, flags);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('fchownat', path);
}

/** As fchownat on an open file. See fchown(2). */
export function fchown(fd: number, uid: number, gid: number): void {
  let status: number;
  do status = native().fchown(fd, uid, gid);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('fchown');
}

/** Sets permission bits (07777) of what `path` leads to: a final symlink is followed. See fchmodat(2). */
export function fchmodat(dir: number, path: PathArgument, mode: number): void {
  const name = first(path, 'fchmodat');
  let status: number;
  do status = native().fchmodat(dir, name, mode, 0);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('fchmodat', path);
}

/** As fchmodat on an open file; EBADF for O_PATH. See fchmod(2). */
export function fchmod(fd: number, mode: number): void {
  let status: number;
  do status = native().fchmod(fd, mode);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('fchmod');
}

/** As fchmodat from the working directory. See chmod(2). */
export function chmod(path: PathArgument, mode: number): void {
  const name = first(path, 'chmod');
  let status: number;
  do status = native().chmod(name, mode);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('chmod', path);
}

/**
 * Sets access and modification time; a nsec of UTIME_NOW or UTIME_OMIT is special. See utimensat(2).
 * @param flags AT_SYMLINK_NOFOLLOW, or AT_EMPTY_PATH (Linux 5.8) with path '' for what `dir` holds, O_PATH included
 */
export function utimensat(dir: number, path: PathArgument, atime: Time, mtime: Time, flags: number): void {
  const name = first(path, 'utimensat');
  setTimes(atime, mtime);
  let status: number;
  do status = native().utimensat(dir, name, timesBytes, flags);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('utimensat', path);
}

/** As utimensat on an open file; EBADF for O_PATH. See futimens(3). */
export function futimens(fd: number, atime: Time, mtime: Time): void {
  setTimes(atime, mtime);
  let status: number;
  do status = native().futimens(fd, timesBytes);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('futimens');
}

function setTimes(atime: Time, mtime: Time): void {
  setTime(0, atime);
  setTime(16, mtime);
}

/** struct timespec: 64 bits of seconds, 64 of nanoseconds, of which the upper half stays 0. */
function setTime(at: number, { sec, nsec }: Time): void {
  times.setUint32(at, sec % 0x100000000, true);
  times.setInt32(at + 4, Math.floor(sec / 0x100000000), true);
  times.setUint32(at + 8, nsec, true);
}
