import { isErrno } from '@emplace/syscalls';
import type { DirHandle, FileHandle, FsPort } from '../fs/port.ts';

/** Whether a directory is of a file's file system: FICLONE of it gives EXDEV before all else (fs/remap_range.c), though st_dev be another. */
export function isOfOne(dir: DirHandle, file: FileHandle, fs: FsPort): boolean {
  try {
    fs.clone(dir as number as FileHandle, file);
    return true;
  } catch (error) {
    if (isErrno(error)) return error.code !== 'EXDEV';
    throw error;
  }
}
