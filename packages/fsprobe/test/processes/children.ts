import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** The program that tests start and copy. */
export const CAT: string = realpathSync(execFileSync('sh', ['-c', 'command -v cat'], { encoding: 'utf8' }).trim());

/** For a shell, which answers with the number of a child. That ends once the shell is cat, which waits for no child. */
export const LEAVES_A_ZOMBIE = 'read line; until grep -q cat /proc/$$/comm; do :; done & echo $!; exec cat';

/** A process that waits until its input ends. */
export interface Waiting extends AsyncDisposable {
  readonly pid: number;
  /** What it said first. */
  readonly said: string;
  /** Lets it end by itself, and waits for that. */
  finish(): Promise<void>;
}

/** Starts a program that answers a line of input once it is ready, and then waits for the end of its input. */
export async function startWaiting(
  command: string,
  args: readonly string[] = [],
  options: SpawnOptions = {},
): Promise<Waiting> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  await once(child, 'spawn');
  const exit = once(child, 'exit');
  child.stdin?.write('ready\n');
  const said: unknown[] = await Promise.race([once(child.stdout as Readable, 'data'), tooEarly(child)]);
  const end = async (act: () => void): Promise<void> => {
    act();
    child.stdout?.destroy();
    await exit;
  };
  return {
    pid: child.pid as number,
    said: String(said[0]).trim(),
    finish: () => end(() => child.stdin?.end()),
    [Symbol.asyncDispose]: () => end(() => child.kill('SIGKILL')),
  };
}

async function tooEarly(child: ChildProcess): Promise<never> {
  const [status, signal] = await once(child, 'exit');
  throw new Error(`the test's program ended too early: ${signal ?? status}`);
}
