import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writersOf } from '@emplace/fsprobe';
import { type Bytes, toBuffer } from '@emplace/syscalls';
import { quotedText } from '../errors.ts';
import { inheritNothing } from '../inherit-nothing.ts';
import type { Executable } from './executables.ts';
import { refusal, SpawnError } from './spawn-error.ts';

/** What exec needs. */
export interface Start {
  /** First the absolute path of the program. */
  readonly argv: readonly Bytes[];
  readonly cwd: Bytes;
  readonly env: NodeJS.ProcessEnv;
  /** Descriptors 0, 1 and 2 of the program. */
  readonly stdio: readonly [number | 'ignore', number, number];
  /** In a session, and so a process group, of its own. */
  readonly ownSession: boolean;
}

/**
 * Starts a program; it has begun to run when this returns. Node throws some of what exec says and emits the rest.
 * @throws SpawnError
 */
export async function start(how: Start, executables: readonly Executable[]): Promise<ChildProcess> {
  const [program = '', ...args] = how.argv.map(text);
  inheritNothing();
  let child: ChildProcess;
  try {
    child = spawn(program, args, {
      cwd: text(how.cwd),
      env: how.env,
      stdio: [...how.stdio],
      detached: how.ownSession,
    });
  } catch (error) {
    throw explain(error, executables);
  }
  if (child.pid === undefined) throw explain((await once(child, 'error'))[0], executables);
  return child;
}

function explain(error: unknown, executables: readonly Executable[]): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'ERR_INVALID_ARG_VALUE')
    return new SpawnError('EINVAL', 'arguments', undefined, 'NUL', { cause: error });
  if (code === undefined || !syscall?.startsWith('spawn')) return error;
  const [program] = executables as [Executable];
  if (code === 'E2BIG')
    return new SpawnError(code, 'arguments', undefined, 'arguments and environment are too long', { cause: error });
  const { blame, path } = code === 'ETXTBSY' ? (executables.find(isBusy) ?? program) : program;
  return refusal(code, blame, path, error);
}

function isBusy({ real }: Executable): boolean {
  try {
    return writersOf(real) === 'some';
  } catch {
    // Gone meanwhile: then it is not what was busy.
    return false;
  }
}

/**
 * Node takes text only, and writes UTF-8.
 * @throws SpawnError EILSEQ for other bytes, EINVAL for a NUL
 */
export function text(bytes: Bytes): string {
  const buffer = toBuffer(bytes);
  const decoded = buffer.toString('utf8');
  if (!Buffer.from(decoded, 'utf8').equals(buffer))
    throw new SpawnError('EILSEQ', 'arguments', undefined, `${quotedText(decoded)} is not UTF-8 and cannot be passed`);
  if (decoded.includes('\0'))
    throw new SpawnError('EINVAL', 'arguments', undefined, `${quotedText(decoded)} has a NUL byte`);
  return decoded;
}
