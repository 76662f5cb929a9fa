import { ascii, type Bytes, close, O_CLOEXEC, O_RDONLY, openat, read } from '@emplace/syscalls';
import type { ProcessDirectory } from '../processes/process.ts';
import { attempt, isUnread } from '../processes/read.ts';

/** A process may have megabytes of them. */
const BYTES_MAX = 32 * 1024;

/** What the process was started with, or what it wrote over that; the rest of very many is cut. Empty where it cannot be read. */
export function readArguments({ fd }: ProcessDirectory): readonly Bytes[] {
  const text = attempt(() => {
    const file = openat(fd, ascii('cmdline'), O_RDONLY | O_CLOEXEC);
    try {
      const buffer = Buffer.allocUnsafe(BYTES_MAX);
      return buffer.latin1Slice(0, read(file, buffer));
    } finally {
      close(file);
    }
  });
  return isUnread(text) || text === '' ? [] : (text.replace(/\0$/, '').split('\0') as Bytes[]);
}
