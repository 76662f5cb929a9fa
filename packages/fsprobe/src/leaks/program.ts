import { type ChildProcessByStdio, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { Bytes } from '@emplace/syscalls';
import type { DirHandle, FileHandle } from '../fs/port.ts';
import { codeOf } from './failure.ts';

/** A program that waits for input that never comes, until it is disposed of. When this process dies, its input ends and so does it. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
}

/** The program did not get as far as answering. `code`: errno name, `TIMEOUT`, `exit 127`, `SIGSEGV`. */
class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly code: string;

  constructor(code: string, options?: ErrorOptions) {
    super(`the probe's program did not run: ${code}`, options);
    this.code = code;
  }
}

export interface ProgramPlace {
  readonly dir: DirHandle;
  readonly program: Bytes;
  /** Name of a library in `dir` to load before all others. */
  readonly library: Bytes | undefined;
  readonly data: FileHandle;
}

type Cat = ChildProcessByStdio<Writable, Readable, null>;

/** The descriptor that a started copy has `data` open as. */
export const DATA_FD = 3;

/** A healthy machine needs milliseconds. */
const TIMEOUT_MS = 10_000;

/** Runs `cat` from PATH: every Linux has one. @throws ProgramError */
export function startCat(): Promise<Program> {
  return start('cat', { env: { LC_ALL: 'C', PATH: process.env.PATH }, stdio: ['pipe', 'pipe', 'ignore'] });
}

/**
 * Runs a copy of `cat` from an open directory. The name of that may be any bytes, which Node's spawn cannot pass on: it
 * is reached, as program and as working directory, through our own descriptor.
 * @throws ProgramError
 */
export function startCopy({ dir, program, library, data }: ProgramPlace): Promise<Program> {
  const here = `/proc/${process.pid}/fd/${dir}`;
  // With a slash in it, so that it is not searched for; a longer path would be split at spaces and colons (ld.so(8)).
  const preload = library === undefined ? {} : { LD_PRELOAD: `./${library}` };
  const env = { LC_ALL: 'C', ...preload };
  return start(`${here}/${program}`, { cwd: here, env, stdio: ['pipe', 'pipe', 'ignore', data] });
}

async function start(command: string, options: SpawnOptions): Promise<Program> {
  const child = await spawned(command, options);
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (status, signal) => resolve(signal ?? `exit ${status}`));
  });
  const stop = async (): Promise<void> => {
    child.stdin.destroy();
    child.stdout.destroy();
    child.kill('SIGKILL');
    await ended;
  };
  try {
    await answer(child, ended);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid as number, [Symbol.asyncDispose]: stop };
}

/** Some failures of spawn are thrown (ETXTBSY), others come as an event (EACCES). */
async function spawned(command: string, options: SpawnOptions): Promise<Cat> {
  try {
    // A program of many names, as busybox is, goes by the one that it is called by.
    const child = spawn(command, [], { ...options, argv0: 'cat' }) as Cat;
    // One that dies with our byte unread must not end us by EPIPE.
    child.stdin?.on('error', () => {});
    await once(child, 'spawn');
    return child;
  } catch (cause) {
    throw new ProgramError(codeOf(cause), { cause });
  }
}

/** It runs, all its libraries loaded, once it has given a byte back. */
async function answer(child: Cat, ended: Promise<string>): Promise<void> {
  const echoed = once(child.stdout, 'data', { signal: AbortSignal.timeout(TIMEOUT_MS) }).then(
    () => undefined,
    () => 'TIMEOUT',
  );
  child.stdin.write('.');
  const failure = await Promise.race([echoed, ended]);
  if (failure !== undefined) throw new ProgramError(failure);
}
