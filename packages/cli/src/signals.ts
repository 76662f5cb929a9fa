import { constants } from 'node:os';

/** Signals that ask to stop. All others are not ours, and end no wait. */
const disruptive = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type Disruptive = (typeof disruptive)[number];

/** What signals did to a command. */
export interface Signals {
  /** Aborted by the first signal that asks to stop; those after it change nothing. */
  readonly signal: AbortSignal;
  readonly stoppedBy: Disruptive | undefined;
  /** The process that works for us: it is suspended and goes on with us. */
  mover: number | undefined;
}

/** From now on, for good: one that comes when all is done must not end the process before it has said so. */
export function listen(): Signals {
  const stopping = new AbortController();
  const handlers = new Map<NodeJS.Signals, () => void>();
  const signals = {
    signal: stopping.signal,
    stoppedBy: undefined as Disruptive | undefined,
    mover: undefined as number | undefined,
  };
  for (const name of disruptive) {
    if (isIgnored(name)) continue;
    handlers.set(name, () => {
      signals.stoppedBy ??= name;
      stopping.abort();
    });
  }
  // The mover has a session of its own, which the terminal does not suspend.
  if (!isIgnored('SIGTSTP'))
    handlers.set('SIGTSTP', () => {
      tell(signals.mover, 'SIGSTOP');
      process.kill(process.pid, 'SIGSTOP');
    });
  handlers.set('SIGCONT', () => tell(signals.mover, 'SIGCONT'));
  // They ask for nothing, and would end us: Node knows no other use for the second.
  for (const name of ['SIGUSR1', 'SIGUSR2'] as const) handlers.set(name, () => {});
  for (const [name, handler] of handlers) process.on(name, handler);
  return signals;
}

/**
 * Whether we were started with a signal ignored, as nohup(1) does. Node forgets that when it starts, so `emplace` says it: the
 * mask of SigIgn in /proc/PID/status.
 */
function isIgnored(name: NodeJS.Signals): boolean {
  const mask = process.env.EMPLACE_SIGIGN;
  if (mask === undefined || !/^[0-9a-f]+$/.test(mask)) return false;
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[name] - 1)) & 1n) === 1n;
}

/** It may have ended just now. */
function tell(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** As a shell reports what a signal ended. */
export function exitCodeOf(signal: Disruptive): number {
  return 128 + constants.signals[signal];
}
