import type { FileHandle, FsPort, Stat } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import { type Digested, type DigestName, startDigests } from '../ledger/digests.ts';

/** How content is read that does not stay within the kernel. */
export interface Reading {
  /** Of the thread: what it held is gone. */
  readonly buffer: Buffer;
  /** What is wanted of the content. */
  readonly digests: readonly DigestName[];
}

/** Fills a new, empty file with what `from` holds. @returns what was read, with the digests that are wanted, if it was read for that */
export type FillContent = (
  from: FileHandle,
  to: FileHandle,
  stat: Stat,
  fs: FsPort,
  reading?: Reading,
) => Digested | undefined;

export const cloneContent: FillContent = (from, to, stat, fs) => {
  if (stat.size > 0) fs.clone(from, to);
  return undefined;
};

/**
 * Holes stay holes; data goes within the kernel where it can (copy_file_range) and nothing is wanted of it, else through the
 * buffer. The file is asked for its holes rather than its block count, which has blocks of xattrs and extents among them.
 */
export const copyContent: FillContent = (from, to, stat, fs, reading = { buffer: contentBuffer(), digests: [] }) => {
  const { buffer, digests } = reading;
  const running = digests.length === 0 ? undefined : startDigests(digests);
  const see = running && ((data: Uint8Array): void => running.update(data));
  // A hole is zeros to whoever digests it: read, as all else is, so that a merge can be stopped in the middle of one.
  const passHole = (start: number, end: number): void => see && pass(from, start, end, buffer, see, fs);
  let end = 0;
  for (;;) {
    const data = nextData(from, end, stat.size, fs);
    // Of a file that grows meanwhile as much is copied, and digested, as it had.
    if (data === undefined || data.start >= stat.size) break;
    passHole(end, data.start);
    end = Math.min(data.end, stat.size);
    copyRun(from, to, data.start, end, buffer, see, fs);
  }
  passHole(end, stat.size);
  if (end < stat.size) fs.truncate(to, stat.size);
  return running?.finish();
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

/** Told of data in its order. */
type See = (data: Uint8Array) => void;

/** Copies `start` to `end`, bytes. A file that shrinks meanwhile ends early. */
function copyRun(
  from: FileHandle,
  to: FileHandle,
  start: number,
  end: number,
  buffer: Buffer,
  see: See | undefined,
  fs: FsPort,
): void {
  const copyThroughBuffer = (offset: number): void => {
    const use = (data: Uint8Array, at: number): void => {
      see?.(data);
      fs.write(to, data, at);
    };
    pass(from, offset, end, buffer, use, fs);
  };
  // One read and one write are done before a refusal is: between two file systems each file would be asked in vain.
  if (see !== undefined || end - start <= buffer.length) {
    copyThroughBuffer(start);
    return;
  }
  let offset = start;
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
  if (offset < end) copyThroughBuffer(offset);
}

const CHUNK = 256 * 1024;

/** What content is read through: one for each thread. */
export function contentBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(CHUNK);
}

/** Reads `start` to `end`, bytes, by pieces of the buffer. */
function pass(
  from: FileHandle,
  start: number,
  end: number,
  buffer: Buffer,
  use: (data: Uint8Array, at: number) => void,
  fs: FsPort,
): void {
  for (let at = start; at < end; ) {
    const count = fs.read(from, buffer.subarray(0, Math.min(buffer.length, end - at)), at);
    if (count === 0) return;
    use(buffer.subarray(0, count), at);
    at += count;
  }
}
