import { isErrno } from '@emplace/syscalls';
import type { FileHandle, FsPort, Stat } from '../fs/port.ts';

/** Fills a new, empty file with what `from` holds. */
export type FillContent = (from: FileHandle, to: FileHandle, stat: Stat, fs: FsPort) => void;

export const cloneContent: FillContent = (from, to, stat, fs) => {
  if (stat.size > 0) fs.clone(from, to);
};

/** Holes stay holes; data goes within the kernel where it can (copy_file_range), else through one buffer. */
export const copyContent: FillContent = (from, to, stat, fs) => {
  if (stat.size === 0) return;
  if (stat.blocks * 512 >= stat.size) {
    copyRun(from, to, 0, stat.size, fs);
    return;
  }
  try {
    let offset = 0;
    for (;;) {
      const data = offset < stat.size ? fs.nextData(from, offset) : undefined;
      if (data === undefined) break;
      copyRun(from, to, data.start, Math.min(data.end, stat.size), fs);
      offset = data.end;
    }
    fs.truncate(to, stat.size);
  } catch (error) {
    // A file system that cannot tell holes: they are written out, content comes first.
    if (!isErrno(error, 'EINVAL', 'EOPNOTSUPP')) throw error;
    fs.truncate(to, 0);
    copyRun(from, to, 0, stat.size, fs);
  }
};

/** Between file systems that refuse copy_file_range once, it would refuse each file: errnos that say so. */
const noRange = ['EXDEV', 'EINVAL', 'EOPNOTSUPP', 'ENOSYS', 'EBADF', 'ETXTBSY'];

/** Copies `start` to `end`, bytes. A file that shrinks meanwhile ends early. */
function copyRun(from: FileHandle, to: FileHandle, start: number, end: number, fs: FsPort): void {
  let offset = start;
  try {
    while (offset < end) {
      const copied = fs.copyRange(from, to, offset, end - offset);
      if (copied === 0) return;
      offset += copied;
    }
  } catch (error) {
    if (!isErrno(error, ...noRange)) throw error;
    copyThroughBuffer(from, to, offset, end, fs);
  }
}

const CHUNK = 256 * 1024;

function copyThroughBuffer(from: FileHandle, to: FileHandle, start: number, end: number, fs: FsPort): void {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, end - start));
  fs.seek(from, start);
  fs.seek(to, start);
  let left = end - start;
  while (left > 0) {
    const count = fs.read(from, left < buffer.length ? buffer.subarray(0, left) : buffer);
    if (count === 0) return;
    fs.write(to, buffer.subarray(0, count));
    left -= count;
  }
}
