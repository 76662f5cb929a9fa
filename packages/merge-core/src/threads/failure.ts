import { isErrno, SyscallError } from '@emplace/syscalls';
import { errorFrom, type PlainError, plainError } from '../supervise/protocol.ts';

/** What a thread's task threw, as plain data. An errno stays one: who asked decides by it. */
export type PlainFailure =
  | { readonly errno: Pick<SyscallError, 'code' | 'call' | 'paths'> }
  | { readonly error: PlainError };

export function plainFailure(error: unknown): PlainFailure {
  if (!isErrno(error)) return { error: plainError(error) };
  const { code, call, paths } = error;
  return { errno: { code, call, paths } };
}

export function failureFrom(failure: PlainFailure): Error {
  if ('error' in failure) return errorFrom(failure.error);
  const { code, call, paths } = failure.errno;
  return new SyscallError(code, call, paths);
}
