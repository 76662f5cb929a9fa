import type { FileHandle, FsPort, Stat } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';

/** Fills a new, empty file with what `from` holds. */
export type FillContent = (from: FileHandle, to: FileHandle, stat: Stat, fs: FsPort) => void;

export const cloneContent: FillContent = (from, to, stat, fs) => {
  if (stat.size > 0) fs.clone(from, to);
};

/**
 * Holes stay holes; data goes within the kernel where it can (copy_file_range), else through one buffer. The file is asked
 * for its holes rather than its block count, which has blocks of xattrs and extents among them.
 */
export const copyContent: FillContent = (from, to, stat, fs) => {
  let end = 0;
  for (let data = nextData(from, 0, stat.size, fs); data !== undefined; data = nextData(from, end, stat.size, fs)) {
    end = Math.min(data.end, stat.size);
    copyRun(from, to, data.start, end, fs);
  }
  if (end < stat.size) fs.truncate(to, stat.size);
};

/** The next run of data at or after `offset`; a file system that cannot tell holes has one run. */
function nextData(
  from: FileHandle,
  offset: number,
  size: number,
  fs: FsPort,
): { start: number; end: number } | undefined {
  if (offset >= size) return undefined;
  try {
    return fs.nextData(from, offset);
  } catch (error) {
    if (isErrno(error, 'EINVAL', 'EOPNOTSUPP', 'ENOTTY')) return { start: offset, end: size };
    throw error;
  }
}

/** errnos by which two file systems refuse copy_file_range. */
const noRange = ['EXDEV', 'EINVAL', 'EOPNOTSUPP', 'ENOSYS', 'EBADF', 'ETXTBSY'];

/**
 * Of one call. The kernel takes up to 2 GiB, in a call that SIGKILL alone ends: on a slow disk it would last longer than a
 * watchdog allows a call that does not return at all.
 */
const RANGE_MAX = 16 * 1024 * 1024;

/** Copies `start` to `end`, bytes. A file that shrinks meanwhile ends early. */
function copyRun(from: FileHandle, to: FileHandle, start: number, end: number, fs: FsPort): void {
  let offset = start;
  // One read and one write are done before a refusal is: between two file systems each file would be asked in vain.
  if (end - start <= CHUNK) {
    copyThroughBuffer(from, to, start, end, fs);
    return;
  }
  try {
    while (offset < end) {
      const copied = fs.copyRange(from, to, offset, Math.min(end - offset, RANGE_MAX));
      if (copied === 0) break;
      offset += copied;
    }
  } catch (error) {
    if (!isErrno(error, ...noRange)) throw error;
  }
  // Nothing copied need not be the end: kernels before 5.19 say that of file systems that make content when it is read.
  if (offset < end) copyThroughBuffer(from, to, offset, end, fs);
}

const CHUNK = 256 * 1024;
const buffer = Buffer.allocUnsafeSlow(CHUNK);

function copyThroughBuffer(from: FileHandle, to: FileHandle, start: number, end: number, fs: FsPort): void {
  for (let at = start; at < end; ) {
    const count = fs.read(from, buffer.subarray(0, Math.min(CHUNK, end - at)), at);
    if (count === 0) return;
    fs.write(to, buffer.subarray(0, count), at);
    at += count;
  }
}
