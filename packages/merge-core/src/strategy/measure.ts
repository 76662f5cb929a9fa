import { type DirHandle, type Fact, type FileHandle, type FsPort, isOfOne, notMeasured } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';

/**
 * Whether FICLONE works from one directory's file system to another's, asked of the kernel with two unnamed
 * files: nothing shows in either directory, not even in its times.
 */
export function reflinkFact(source: DirHandle, target: DirHandle, fs: FsPort): Fact {
  const to = tryUnnamed(target, fs);
  if (to === undefined) return notMeasured('no unnamed files');
  try {
    // A read-only image still shares the file system that the target's own file can speak for.
    const from = tryUnnamed(source, fs) ?? (isOfOne(source, to, fs) ? tryUnnamed(target, fs) : undefined);
    if (from === undefined) return notMeasured('no unnamed files');
    try {
      fs.write(from, Buffer.alloc(4096, 1));
      fs.clone(from, to);
      return { answer: 'yes' };
    } catch (error) {
      if (isErrno(error)) return { answer: 'no', errno: error.code, why: error.code };
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
