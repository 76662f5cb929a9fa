import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MergeError } from '../errors.ts';
import { inheritNothing } from '../inherit-nothing.ts';

/** Descriptors that a mover inherits, beside its pipes. */
export interface Inherited {
  readonly page: number;
  /** Where a reference to the lock waits: see in-flight.ts. */
  readonly flight: readonly [to: number, from: number];
  /** Where it writes what will change, for hooks. */
  readonly changed: number;
}

/** How a mover is started: another one for tests of what it may do wrong. */
export function moverCommand(): readonly string[] {
  // Beside this file as a source, as tsc's output, and in the command line's bundle, where all outputs lie in one directory.
  const extension = extname(import.meta.url);
  const script = fileURLToPath(new URL(`./mover-child${extension}`, import.meta.url));
  const flags = extension === '.ts' ? ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning'] : [];
  // SIGUSR1 would open a debugger's port in a process of root.
  return [process.execPath, '--disable-sigusr1', ...flags, script];
}

/**
 * In a session of its own, so that the terminal's signals reach the supervisor alone, which decides; in `/`, so that it
 * keeps no mount busy and starts where the current directory is gone.
 *
 * @throws MergeError MOVER_NOT_STARTED for what fork and execve say (ETXTBSY, EACCES, EAGAIN, EMFILE…)
 */
export async function startMover(command: readonly string[], inherited: Inherited): Promise<ChildProcess> {
  let child: ChildProcess;
  try {
    child = spawnMover(command, inherited);
  } catch (error) {
    throw notStarted(error instanceof Error ? error.message : String(error), error);
  }
  if (child.pid !== undefined) return child;
  const [error] = (await once(child, 'error')) as [Error];
  // Without descriptors for its pipes (EMFILE, ENFILE) Node makes none.
  for (const stream of child.stdio ?? []) stream?.destroy();
  throw notStarted(error.message, error);
}

/** Without a pid where it failed: an event tells why. @throws what Node says at once */
export function spawnMover([program = '', ...args]: readonly string[], inherited: Inherited): ChildProcess {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
  // A mover that is stuck would hold our caller's pipes and locks for as long.
  inheritNothing();
  return spawn(program, args, {
    cwd: '/',
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe', 'pipe', inherited.page, ...inherited.flight, inherited.changed],
  });
}

export function notStarted(why: string, cause?: unknown): MergeError {
  return new MergeError('MOVER_NOT_STARTED', `the mover did not start: ${why}`, { cause });
}
