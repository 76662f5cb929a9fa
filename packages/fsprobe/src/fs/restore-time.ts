import { ascii, isErrno } from '@emplace/syscalls';
import type { DirHandle, FsPort, Timestamp } from './port.ts';

/** Gives a directory the time back that it had. Only its owner may: another's keeps the time of what was done in it, a read-only one has it still. */
export function restoreTime(dir: DirHandle, mtime: Timestamp, fs: FsPort): void {
  const pinned = fs.pin(dir, ascii(''));
  try {
    fs.setTimes(pinned, mtime);
  } catch (error) {
    if (!isErrno(error, 'EPERM', 'EACCES', 'EROFS')) throw error;
  } finally {
    fs.closeFile(pinned);
  }
}
