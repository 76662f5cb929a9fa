import type { FileHandle, FsPort } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';

/**
 * Closes a file through which nothing was written that matters any more. What a file system reports then is of no use to
 * anybody, and the descriptor is gone all the same: see close(2).
 */
export function closeUnwritten(file: FileHandle, fs: Pick<FsPort, 'closeFile'>): void {
  try {
    fs.closeFile(file);
  } catch (error) {
    if (!isErrno(error)) throw error;
  }
}
