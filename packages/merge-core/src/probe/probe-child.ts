/**
 * Asks what works between two directories, for a process that must not make a call which may never return.
 *
 *   node probe-child.ts, with a Job as JSON on stdin
 */
import { readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import type { ProbeWatch } from '@emplace/fsprobe';
import { setParentDeathSignal } from '@emplace/syscalls';
import { failureMessage, type Job, type Message } from './messages.ts';
import { ask } from './questions.ts';

// Interrupted with its whole process group, it still removes what it made.
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
const { parent, questions } = JSON.parse(readFileSync(0, 'utf8')) as Job;
// A call that hangs keeps this thread from anything else, so the kernel has to end it.
setParentDeathSignal(constants.signals.SIGKILL);
// It may have ended before that.
if (process.ppid !== parent) process.exit(1);
void answer();

async function answer(): Promise<void> {
  try {
    const watch: ProbeWatch = {
      asking: (what) => say({ say: 'asking', what }),
      making: (paths) => say({ say: 'making', paths }),
    };
    const answers = await ask(questions, watch, stop.signal);
    say({ say: 'answered', answers });
  } catch (error) {
    say(failureMessage(error));
  }
}

/** Written at once: the next call may be the last that this thread makes. */
function say(message: Message): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let done = 0; done < line.length; ) done += writeSync(1, line, done);
}
