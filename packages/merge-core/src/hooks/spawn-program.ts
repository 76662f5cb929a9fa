import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { settle } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { quoted } from '../errors.ts';
import { checkDirectory, type Executable, executablesOf } from './executables.ts';
import { type Ended, follow } from './follow.ts';
import type { Chunks } from './input.ts';
import type { From } from './output.ts';
import { limit, type Rlimits } from './rlimits.ts';
import { blaming, SpawnError } from './spawn-error.ts';
import { start } from './start.ts';
import { openStdio } from './stdio.ts';

export interface ProgramSpec {
  /** First the absolute path of the program: nothing is looked up in `$PATH`. All of it UTF-8: Node passes nothing else. */
  readonly argv: readonly Bytes[];
  readonly cwd: Bytes;
  readonly env: NodeJS.ProcessEnv;
  /** A descriptor, or bytes to write to it; by default /dev/null. */
  readonly stdin?: number | Chunks;
  /** `own`: a session of its own without a terminal; `shared`: the caller's session and process group. Default `own`. */
  readonly session?: 'own' | 'shared';
  readonly rlimits?: Rlimits;
  /** By default it may take for ever. */
  readonly timeoutMs?: number;
  /** From SIGTERM to SIGKILL. Default 5,000. */
  readonly graceMs?: number;
  /** Of its output so much is kept. Default 64 KiB. */
  readonly outputBytesMax?: number;
  /** Gets each line without its end as it comes, those that are not kept as well; very long ones in pieces. */
  readonly onLine?: (line: Bytes, from: From) => void;
  /** Whether a file was placed a moment ago, so that somebody may still have it open for writing. By its real path. */
  readonly isFresh?: (path: Bytes) => boolean;
  /** How long a program that is open for writing is waited for. Default 10,000. */
  readonly busyMs?: number;
  /** Stops the waiting, and the program. */
  readonly signal?: AbortSignal;
}

export interface Started {
  readonly pid: number;
  /** Rejects only with what the caller's own `onLine` or `stdin` threw; the program has been ended then. */
  readonly ended: Promise<Ended>;
}

const BUSY_MS = 10_000;
/** Between two tries to start a program that is open for writing. */
const RETRY_MS = 5;

/**
 * Starts a program. Whatever keeps it from running comes from here, before it counts as started: each errno of exec,
 * told apart by what is to blame. It inherits descriptors 0 to 2 and nothing else.
 *
 * A freshly placed program, or interpreter of one, is not started while anybody has it open for writing (G7): a read
 * lease tells; where there are none, exec itself does, and is tried again for a bounded time (ETXTBSY).
 *
 * A program, an interpreter or a working directory that lies on a file system which others serve is opened by a process
 * of its own first, which may hang (ETIMEDOUT).
 *
 * Not guaranteed: that such a file system still answers a moment later, or that a disk does: exec that never returns
 * hangs the caller, which waits for it. A command that the program looks up and starts itself is not waited for.
 * @throws SpawnError; the signal's reason when that aborts before the start
 */
export async function spawnProgram(spec: ProgramSpec): Promise<Started> {
  spec.signal?.throwIfAborted();
  const [program] = spec.argv;
  if (!program?.startsWith('/'))
    throw new SpawnError('EINVAL', 'arguments', undefined, 'the path of a program has to be absolute');
  await checkDirectory(spec.cwd);
  const executables = await executablesOf(program, spec.cwd);
  const deadline = performance.now() + (spec.busyMs ?? BUSY_MS);
  spec.signal?.throwIfAborted();
  for (;;) {
    await settled(executables, deadline, spec);
    try {
      return await startOnce(spec, executables);
    } catch (error) {
      if (!(error instanceof SpawnError && error.code === 'ETXTBSY') || performance.now() >= deadline) throw error;
    }
    await pause(spec.signal);
  }
}

/** Each file that exec opens: the kernel denies all of them while they are open for writing. */
async function settled(executables: readonly Executable[], deadline: number, spec: ProgramSpec): Promise<void> {
  for (const { path, real, blame } of executables) {
    if (!(spec.isFresh?.(real) || spec.isFresh?.(path))) continue;
    const verdict = await settle(real, Math.max(deadline - performance.now(), 0), spec.signal);
    if (verdict.state !== 'busy') continue;
    const writers = verdict.writers.map(({ pid, command }) => `process ${pid} (${quoted(command)})`);
    throw new SpawnError('ETXTBSY', blame, path, `is open for writing, ${writers.join(', ') || 'by whom is unknown'}`);
  }
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(RETRY_MS, undefined, { signal }).catch(() => {});
  signal?.throwIfAborted();
}

async function startOnce(spec: ProgramSpec, executables: readonly Executable[]): Promise<Started> {
  const { argv, cwd, env, stdin, rlimits } = spec;
  using stdio = blaming('program', argv[0] as Bytes, () => openStdio(stdin));
  const ownSession = spec.session !== 'shared';
  const child = await start({ argv, cwd, env, stdio: stdio.theirs, ownSession }, executables);
  if (rlimits !== undefined) await limitOrEnd(child, rlimits);
  return { pid: child.pid as number, ended: follow(child, stdio.take(), spec) };
}

/** A program that cannot be limited as asked does not run. */
async function limitOrEnd(child: ChildProcess, rlimits: Rlimits): Promise<void> {
  try {
    limit(child.pid as number, rlimits);
  } catch (error) {
    const exit = once(child, 'exit');
    if (child.kill('SIGKILL')) await exit;
    throw error;
  }
}
