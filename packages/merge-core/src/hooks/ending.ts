import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { afterRunning } from '../after-running.ts';

/** How a program ended. */
export type Ending =
  | { readonly how: 'exited'; readonly code: number }
  /** By a signal that was not sent from here. */
  | { readonly how: 'signalled'; readonly signal: NodeJS.Signals }
  /**
   * Its time was over, or the caller wanted it to stop. `needed` is what ended it; `more`: nothing did, it is stuck in
   * the kernel (state D of proc_pid_stat(5)) and runs on.
   */
  | { readonly how: 'timed-out' | 'stopped'; readonly needed: 'SIGTERM' | 'SIGKILL' | 'more' };

export interface Terms {
  /** The program leads a process group of its own, which gets the signals. */
  readonly ownGroup: boolean;
  readonly timeoutMs: number | undefined;
  /** From SIGTERM to SIGKILL, and from there until it is given up. */
  readonly graceMs: number;
}

/** Waits for the end of a program, and brings it about when its time is over or `stop` says so. */
export async function ended(child: ChildProcess, terms: Terms, stop: AbortSignal): Promise<Ending> {
  const exit = exited(child);
  using asked = whenAsked(stop, terms.timeoutMs);
  const first = await Promise.race([exit, asked.why]);
  if (typeof first !== 'string') return first;
  for (const needed of ['SIGTERM', 'SIGKILL'] as const) {
    signal(child, needed, terms.ownGroup);
    if (!(await endsWithin(exit, terms.graceMs))) continue;
    // Whom it started must not outlive it: they had SIGTERM. No later group has its number within the microseconds.
    if (terms.ownGroup) signal(child, 'SIGKILL', true);
    return { how: first, needed };
  }
  child.unref();
  return { how: first, needed: 'more' };
}

async function exited(child: ChildProcess): Promise<Ending> {
  const [code, by] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return by === null ? { how: 'exited', code: code as number } : { how: 'signalled', signal: by };
}

interface Asked extends Disposable {
  readonly why: Promise<'timed-out' | 'stopped'>;
}

function whenAsked(stop: AbortSignal, timeoutMs: number | undefined): Asked {
  const { promise, resolve } = Promise.withResolvers<'timed-out' | 'stopped'>();
  const onStop = (): void => resolve('stopped');
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop);
  const timer = timeoutMs === undefined ? undefined : afterRunning(timeoutMs, () => resolve('timed-out'));
  return {
    why: promise,
    [Symbol.dispose]: () => {
      stop.removeEventListener('abort', onStop);
      timer?.[Symbol.dispose]();
    },
  };
}

async function endsWithin(exit: Promise<unknown>, ms: number): Promise<boolean> {
  const over = new AbortController();
  const late = setTimeout(ms, false, { signal: over.signal }).catch(() => false);
  try {
    return await Promise.race([exit.then(() => true), late]);
  } finally {
    over.abort();
  }
}

function signal(child: ChildProcess, name: 'SIGTERM' | 'SIGKILL', group: boolean): void {
  try {
    const pid = child.pid as number;
    if (group) process.kill(-pid, name);
    // Not child.kill: that makes EPERM an event that nobody waits for.
    else if (child.exitCode === null && child.signalCode === null) process.kill(pid, name);
  } catch {
    // ESRCH: nobody is left. EPERM: those who are belong to another user by now.
  }
}
