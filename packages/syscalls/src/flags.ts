import { FS_IOC_GETFLAGS, FS_IOC_SETFLAGS } from './constants.ts';
import { failed, interrupted } from './errno.ts';
import { native } from './native.ts';

/** The request says long; the kernel reads and writes an int (ioctl_iflags(2), BUGS). */
const word = new DataView(new ArrayBuffer(8));
const wordBytes = Buffer.from(word.buffer);

/** Inode flags (FS_*_FL) of an open file; ENOTTY or EOPNOTSUPP where the file system has none. See ioctl_iflags(2). */
export function getInodeFlags(fd: number): number {
  let status: number;
  do status = native().ioctlBuffer(fd, FS_IOC_GETFLAGS, wordBytes);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('ioctl(FS_IOC_GETFLAGS)');
  return word.getUint32(0, true);
}

/** Sets all inode flags at once: get, change, set. EPERM without CAP_LINUX_IMMUTABLE. See ioctl_iflags(2). */
export function setInodeFlags(fd: number, flags: number): void {
  word.setUint32(0, flags, true);
  let status: number;
  do status = native().ioctlBuffer(fd, FS_IOC_SETFLAGS, wordBytes);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('ioctl(FS_IOC_SETFLAGS)');
}
