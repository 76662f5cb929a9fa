import { failed, interrupted } from './errno.ts';
import { native } from './native.ts';

/** Fills `buffer` from the file's position: the count of bytes read, which may be fewer, 0 at the end. See read(2). */
export function read(fd: number, buffer: Uint8Array): number {
  let count: number;
  do count = native().read(fd, buffer, buffer.byteLength);
  while (count === -1 && interrupted());
  if (count === -1) throw failed('read');
  return count;
}

/** As read, from `offset` in bytes; the file's position stays. See pread(2). */
export function pread(fd: number, buffer: Uint8Array, offset: number): number {
  let count: number;
  do count = native().pread(fd, buffer, buffer.byteLength, offset);
  while (count === -1 && interrupted());
  if (count === -1) throw failed('pread');
  return count;
}

/** Writes from `data` at the file's position: the count of bytes written, which may be fewer. See write(2). */
export function write(fd: number, data: Uint8Array): number {
  let count: number;
  do count = native().write(fd, data, data.byteLength);
  while (count === -1 && interrupted());
  if (count === -1) throw failed('write');
  return count;
}

/** As write, at `offset` in bytes; the file's position stays. See pwrite(2). */
export function pwrite(fd: number, data: Uint8Array, offset: number): number {
  let count: number;
  do count = native().pwrite(fd, data, data.byteLength, offset);
  while (count === -1 && interrupted());
  if (count === -1) throw failed('pwrite');
  return count;
}

/**
 * Moves the file's position. See lseek(2).
 * @param whence SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA or SEEK_HOLE
 * @returns the new position in bytes
 * @throws SyscallError ENXIO for SEEK_DATA or SEEK_HOLE at or after the end, or with only a hole left
 */
export function lseek(fd: number, offset: number, whence: number): number {
  let position: number;
  do position = native().lseek(fd, offset, whence);
  while (position === -1 && interrupted());
  if (position === -1) throw failed('lseek');
  return position;
}
