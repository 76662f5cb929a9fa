import { isErrno } from '@emplace/syscalls';
import type { DirHandle, FileHandle, FsPort } from '../fs/port.ts';

/**
 * Whether FICLONE works from one directory's file system to another's, asked of the kernel with two unnamed
 * files: nothing shows in either directory, not even in its times.
 *
 * @returns the errno that it gave, or undefined when it worked or could not be measured (no O_TMPFILE there):
 * then the first file will tell.
 */
export function reflinkRefusal(source: DirHandle, target: DirHandle, fs: FsPort): string | undefined {
  const to = tryUnnamed(target, fs);
  if (to === undefined) return undefined;
  try {
    // A read-only image still shares the file system that the target's own file can speak for.
    const from = tryUnnamed(source, fs) ?? tryUnnamed(target, fs);
    if (from === undefined) return undefined;
    try {
      fs.write(from, Buffer.alloc(4096, 1));
      fs.clone(from, to);
      return undefined;
    } catch (error) {
      if (isErrno(error)) return error.code;
      throw error;
    } finally {
      fs.closeFile(from);
    }
  } finally {
    fs.closeFile(to);
  }
}

function tryUnnamed(dir: DirHandle, fs: FsPort): FileHandle | undefined {
  try {
    return fs.createUnnamed(dir);
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}
