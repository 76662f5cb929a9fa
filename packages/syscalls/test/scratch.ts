import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from '@jest/globals';
import * as sys from '../src/index.ts';

/** An empty real directory and a descriptor of it, both gone at the end of the block. */
export class Scratch implements Disposable {
  readonly path: string;
  readonly dir: number;

  constructor(below: string = tmpdir()) {
    this.path = mkdtempSync(join(below, 'syscalls-'));
    this.dir = sys.open(sys.toBytes(this.path), sys.O_RDONLY | sys.O_DIRECTORY | sys.O_CLOEXEC);
  }

  /** A new file with this content, open for reading and writing, positioned at its start. */
  file(name: string, content = ''): number {
    const flags = sys.O_RDWR | sys.O_CREAT | sys.O_EXCL | sys.O_CLOEXEC;
    const fd = sys.openat(this.dir, sys.toBytes(name), flags, 0o644);
    sys.pwrite(fd, Buffer.from(content), 0);
    return fd;
  }

  /** As file, but closed again. */
  closedFile(name: string, content = ''): void {
    sys.close(this.file(name, content));
  }

  stat(name: string): sys.Statx {
    return sys.statx(this.dir, sys.toBytes(name), sys.AT_SYMLINK_NOFOLLOW, sys.STATX_BASIC_STATS | sys.STATX_MNT_ID);
  }

  [Symbol.dispose](): void {
    sys.close(this.dir);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The errno name and call that `act` fails with, for instance `ENOENT openat`. */
export function failure(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (sys.isErrno(error)) return `${error.code} ${error.call}`;
    throw error;
  }
  return 'success';
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Needs CAP_SYS_ADMIN, CAP_MKNOD or the like: counted as skipped for others. */
export const testAsRoot: typeof test.skip = process.geteuid?.() === 0 ? test : test.skip;
