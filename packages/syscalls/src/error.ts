import { type Bytes, show } from './bytes.ts';

/** A system call that failed. Decide by `code`, never by the message. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  /** errno name, for instance `EXDEV`. */
  readonly code: string;
  /** The call as strace prints it, for instance `renameat2`. */
  readonly call: string;
  /** The paths or names it was given, in its order. */
  readonly paths: readonly Bytes[];

  constructor(code: string, call: string, paths: readonly Bytes[] = []) {
    super([code, ': ', call, ...paths.map((path, i) => `${i === 0 ? ' ' : ' -> '}\`${show(path)}\``)].join(''));
    this.code = code;
    this.call = call;
    this.paths = paths;
  }
}

/** Whether `error` is a SyscallError with one of these errno names (all errors count when none is given). */
export function isErrno(error: unknown, ...codes: readonly string[]): error is SyscallError {
  return error instanceof SyscallError && (codes.length === 0 || codes.includes(error.code));
}
