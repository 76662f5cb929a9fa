import { FICLONE } from './constants.ts';
import { failed, interrupted } from './errno.ts';
import { native } from './native.ts';

const offsets = new DataView(new ArrayBuffer(16));
const sourceOffset = Buffer.from(offsets.buffer, 0, 8);
const targetOffset = Buffer.from(offsets.buffer, 8, 8);

/**
 * Makes the whole content of `target` share the blocks of `source`. See ioctl_ficlone(2).
 * @throws SyscallError EXDEV for two file systems, EOPNOTSUPP or ENOTTY where there is no such thing, ETXTBSY for swap
 */
export function ficlone(source: number, target: number): void {
  let status: number;
  do status = native().ioctlValue(target, FICLONE, source);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('ioctl(FICLONE)');
}

/**
 * Copies up to `length` bytes inside the kernel; no file position moves. See copy_file_range(2).
 * @returns how many bytes were copied, 0 at the source's end
 */
export function copyFileRange(
  source: number,
  sourceAt: number,
  target: number,
  targetAt: number,
  length: number,
): number {
  let count: number;
  do {
    offsets.setBigInt64(0, BigInt(sourceAt), true);
    offsets.setBigInt64(8, BigInt(targetAt), true);
    count = native().copy_file_range(source, sourceOffset, target, targetOffset, length, 0);
  } while (count === -1 && interrupted());
  if (count === -1) throw failed('copy_file_range');
  return count;
}

/** Cuts or extends (with a hole) to `size` bytes. See ftruncate(2). */
export function ftruncate(fd: number, size: number): void {
  let status: number;
  do status = native().ftruncate(fd, size);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('ftruncate');
}
