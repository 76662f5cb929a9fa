/**
 * One of the processes of a probe: does the job that it reads from stdin, and tells on stdout how far it is.
 *
 *   node rename-child.ts ROLE
 */
import { readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { setParentDeathSignal } from '@emplace/syscalls';
import { look } from './look.ts';
import { failureMessage, type Jobs, type Message, type Role, type Step, type Told } from './messages.ts';
import { clean, prepare, tryShape } from './private-directory.ts';
import { supervise } from './supervise.ts';

const WORK = {
  supervise: async (job: Jobs['supervise']) => ({ report: await supervise(job, stopped(), () => begin('rename')) }),
  prepare,
  try: (job: Jobs['try']) => {
    tryShape(job, () => begin('rename'));
    return {};
  },
  clean: (job: Jobs['clean']) => {
    clean(job, () => begin('work'));
    return {};
  },
  look: ({ path }: Jobs['look']) => {
    look(path);
    return {};
  },
} satisfies Record<Role, (job: never) => Told | Promise<Told>>;

const role = process.argv[2] as Role;
const { parent, job } = JSON.parse(readFileSync(0, 'utf8')) as { parent: number; job: never };
void work();

async function work(): Promise<void> {
  try {
    endWith(parent);
    begin('work');
    say({ say: 'done', ...(await WORK[role](job)) });
  } catch (error) {
    say(failureMessage(error));
  }
}

/** A call that hangs keeps this thread from anything else, so the kernel has to end it. The supervisor cleans up first. */
function endWith(pid: number): void {
  setParentDeathSignal(role === 'supervise' ? constants.signals.SIGTERM : constants.signals.SIGKILL);
  // It may have ended before that.
  if (process.ppid !== pid) process.exit(1);
}

/** Aborted when this process is told to end, by its parent's end or by whoever interrupts its process group. */
function stopped(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  return stop.signal;
}

function begin(step: Step): void {
  say({ say: 'step', step });
}

/** Written at once: the next call may be the last that this thread makes. */
function say(message: Message): void {
  try {
    writeSync(1, `${JSON.stringify(message)}\n`);
  } catch (error) {
    // Nobody listens any more.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}
