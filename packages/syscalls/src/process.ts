import { ascii } from './bytes.ts';
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from './constants.ts';
import { read } from './io.ts';
import { native } from './native.ts';
import { close, openat } from './open.ts';

/** Sets the umask of the whole process, all threads: the one before. See umask(2). */
export function umask(mask: number): number {
  return native().umask(mask);
}

/**
 * The umask, read without setting it: umask(2) can only swap, and another thread may create a file in between.
 * @returns undefined without /proc (`Umask:` since Linux 4.7)
 */
export function currentUmask(): number | undefined {
  let fd: number;
  try {
    fd = openat(AT_FDCWD, ascii('/proc/thread-self/status'), O_RDONLY | O_CLOEXEC);
  } catch {
    return undefined;
  }
  try {
    const head = Buffer.alloc(1024);
    const digits = /^Umask:\s*([0-7]+)$/m.exec(head.latin1Slice(0, read(fd, head)))?.[1];
    return digits === undefined ? undefined : Number.parseInt(digits, 8);
  } finally {
    close(fd);
  }
}

/** Effective user id. See geteuid(2). */
export function geteuid(): number {
  return native().geteuid();
}
