import { type Bytes, isErrno } from '@emplace/syscalls';
import { quoted } from '../errors.ts';

/** What it was that kept a program from starting. `system`: no more processes, memory or descriptors. */
export type Blame = 'program' | 'interpreter' | 'directory' | 'arguments' | 'system';

/** A program that was not started: nothing of it ran, and no process of it is left. Decide by `code` and `blame`. */
export class SpawnError extends Error {
  override readonly name = 'SpawnError';
  /** errno name, for instance `ENOENT`. */
  readonly code: string;
  readonly blame: Blame;
  /** What is to blame, where that is a file or directory. */
  readonly path: Bytes | undefined;

  constructor(code: string, blame: Blame, path: Bytes | undefined, reason: string, options?: ErrorOptions) {
    super(`${path === undefined ? '' : `${NAMES[blame]} ${quoted(path)} `}${reason} (${code})`, options);
    this.code = code;
    this.blame = blame;
    this.path = path;
  }
}

const NAMES: Readonly<Record<Blame, string>> = {
  program: 'the program',
  interpreter: 'the interpreter',
  directory: 'the working directory',
  arguments: 'the arguments',
  system: 'the system',
};

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'is no directory, or lies below what is none',
  ELOOP: 'is reached by too many symlinks, or has too many interpreters',
  ENAMETOOLONG: 'has a name or path that is too long',
  EACCES: 'may not be used that way: a permission is missing on it or on the way to it',
  ENOEXEC: 'is in no format that the kernel can run',
  ETXTBSY: 'is open for writing',
};

/** What `act` returns; a SyscallError of its own becomes a SpawnError about `path`. */
export function blaming<T>(blame: Blame, path: Bytes, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (!isErrno(cause)) throw cause;
    throw refusal(cause.code, blame, path, cause);
  }
}

/** What is wrong with the system, whatever was being done. */
const SYSTEM: readonly string[] = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE'];

/** The error for an errno name, in words. */
export function refusal(code: string, blame: Blame, path: Bytes, cause?: unknown): SpawnError {
  if (SYSTEM.includes(code))
    return new SpawnError(
      code,
      'system',
      undefined,
      `${quoted(path)}: there is no process, memory or descriptor left`,
      {
        cause,
      },
    );
  return new SpawnError(code, blame, path, REASONS[code] ?? 'cannot be used', { cause });
}
