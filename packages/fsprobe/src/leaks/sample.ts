import { AT_FDCWD, ascii, type Bytes, close, isErrno, O_CLOEXEC, O_RDONLY, openat, read } from '@emplace/syscalls';
import { readMaps } from '../processes/mappings.ts';
import type { Proc } from '../processes/proc.ts';
import { openProcess } from '../processes/process.ts';
import { isUnread } from '../processes/read.ts';
import { startCat } from './program.ts';

/** What is put into the target to be run there. */
export interface Sample {
  readonly program: Buffer;
  /** undefined where the program needs none: it is static, or its loader is its C library as with musl. */
  readonly library: Buffer | undefined;
}

/** The C library: `libc.so.6`, or `libc-2.31.so` before glibc 2.34. Any other would do, but this one is always there. */
const LIBRARY = /\/libc[.-][^/]*$/;

/** Copies a program and a library that it needs from one that runs. @throws ProgramError, SyscallError */
export async function takeSample(proc: Proc): Promise<Sample> {
  await using cat = await startCat();
  using process = openProcess(proc, cat.pid);
  const maps = readMaps(process);
  const library = isUnread(maps) ? undefined : maps.find(({ executable, text }) => executable && LIBRARY.test(text));
  return {
    program: readFile(process.fd, ascii('exe')),
    library: library && tryReadFile(library.text),
  };
}

/** The text of maps need not be a path that leads there: then the library is one thing less that is measured. */
function tryReadFile(path: Bytes): Buffer | undefined {
  try {
    return readFile(AT_FDCWD, path);
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

function readFile(at: number, path: Bytes): Buffer {
  const fd = openat(at, path, O_RDONLY | O_CLOEXEC);
  try {
    const chunks: Buffer[] = [];
    for (;;) {
      const chunk = Buffer.allocUnsafe(1024 * 1024);
      const count = read(fd, chunk);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, count));
    }
  } finally {
    close(fd);
  }
}
