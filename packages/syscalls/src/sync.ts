import { failed, interrupted } from './errno.ts';
import { native } from './native.ts';

/** The file's content and inode, or a directory's names, are durable. EIO is reported once only. See fsync(2). */
export function fsync(fd: number): void {
  durable('fsync', fd);
}

/** As fsync, without what is not needed to read the content back (times). See fdatasync(2). */
export function fdatasync(fd: number): void {
  durable('fdatasync', fd);
}

/** All of the descriptor's file system is durable; tells errors of writing back since Linux 5.8. See syncfs(2). */
export function syncfs(fd: number): void {
  durable('syncfs', fd);
}

function durable(call: 'fsync' | 'fdatasync' | 'syncfs', fd: number): void {
  while (native()[call](fd) === -1) if (!interrupted()) throw failed(call);
}
