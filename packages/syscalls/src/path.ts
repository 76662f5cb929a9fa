import { type Bytes, toBytes } from './bytes.ts';
import { SyscallError } from './error.ts';

/** Longest path that the kernel takes, its final NUL included (limits.h). */
export const PATH_MAX = 4096;

/** A name or path argument: bytes without a NUL. */
export type PathArgument = Bytes | Uint8Array;

/** Written anew for each call, so that a path costs no allocation. Two, for the calls that take two. */
const scratchFirst = Buffer.allocUnsafeSlow(PATH_MAX);
const scratchSecond = Buffer.allocUnsafeSlow(PATH_MAX);

/**
 * `path` as a C string in the first scratch buffer, good until the next call.
 * @param call the system call it is for, named in errors
 * @throws SyscallError EINVAL for a NUL in it, ENAMETOOLONG for 4,096 bytes or more
 */
export function first(path: PathArgument, call: string): Buffer {
  return write(scratchFirst, path, call);
}

/** As {@link first}, in the other buffer. */
export function second(path: PathArgument, call: string): Buffer {
  return write(scratchSecond, path, call);
}

function write(scratch: Buffer, path: PathArgument, call: string): Buffer {
  if (path.length >= PATH_MAX) throw refused('ENAMETOOLONG', path, call);
  if (typeof path === 'string') {
    if (path.includes('\0')) throw refused('EINVAL', path, call);
    scratch.latin1Write(path, 0);
  } else {
    // The kernel would stop at the NUL and work on another file than the one named.
    if (path.includes(0)) throw refused('EINVAL', path, call);
    scratch.set(path);
  }
  scratch[path.length] = 0;
  return scratch;
}

function refused(code: string, path: PathArgument, call: string): SyscallError {
  return new SyscallError(code, call, [typeof path === 'string' ? path : toBytes(path)]);
}
