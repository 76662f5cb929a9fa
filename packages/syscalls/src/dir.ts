import type { Bytes } from './bytes.ts';
import { failed, interrupted } from './errno.ts';
import { native } from './native.ts';

const DOT = 0x2e;

/** One buffer for the thread: a directory of 1,000 names is read by one call. */
const entries = Buffer.allocUnsafeSlow(128 * 1024);
const view = new DataView(entries.buffer);

/**
 * Hands the next entries of an open directory to `visit`, but `.` and `..`; false when there are no more.
 * The directory's position moves on: `lseek(fd, 0, SEEK_SET)` starts anew. See getdents64(2).
 * @param visit gets the name and its DT_* type; it must not read a directory itself (the buffer is shared)
 */
export function getdents64(fd: number, visit: (name: Bytes, type: number) => void): boolean {
  let length: number;
  do length = native().getdents64(fd, entries, entries.byteLength);
  while (length === -1 && interrupted());
  if (length === -1) throw failed('getdents64');
  // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, then the name and its NUL.
  for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
    const start = at + 19;
    const end = entries.indexOf(0, start);
    if (entries[start] === DOT && (end === start + 1 || (end === start + 2 && entries[start + 1] === DOT))) continue;
    visit(entries.latin1Slice(start, end) as Bytes, entries[at + 18] as number);
  }
  return length > 0;
}
