/**
 * The mover's process. Everything is loaded before it says that it is ready: a merge may replace the very files that
 * this runs from. It makes synchronous calls only, so it can be stopped where a call ends, or killed.
 *
 *   node mover-child.ts, with the descriptors of CHANNELS; the job is the first line of stdin
 */
import { readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { linuxPort } from '@emplace/fsprobe';
import * as sys from '@emplace/syscalls';
import { keepCapabilities, setParentDeathSignal } from '@emplace/syscalls';
import { interrupted } from '../interrupted.ts';
import type { RootLock } from '../lock.ts';
import type { HookPhase, Steps } from '../steps.ts';
import { move } from './mover.ts';
import { Page } from './page.ts';
import { type Answer, CHANNELS, errorFrom, type Job, type Message, PROTOCOL } from './protocol.ts';
import { checkPublished, published } from './published.ts';
import { stoppingBefore } from './stopping-before.ts';

/** Safe points between two looks whether the supervisor is still there, and how much time may lie between two. */
const LOOK_EVERY = 8;
const LOOK_MS = 50;

const needed = [
  ...[sys.CAP_CHOWN, sys.CAP_DAC_OVERRIDE, sys.CAP_DAC_READ_SEARCH, sys.CAP_FOWNER, sys.CAP_FSETID],
  ...[sys.CAP_MKNOD, sys.CAP_SETFCAP, sys.CAP_SYS_ADMIN, sys.CAP_SYS_RESOURCE, sys.CAP_SYS_PTRACE],
];

const page = new Page(CHANNELS.page);
const readLine = linesOf(0);
const job = JSON.parse(readLine()) as Job;
if (job.protocol !== PROTOCOL) throw new Error(`the supervisor speaks protocol ${job.protocol}, not ${PROTOCOL}`);
// Without its supervisor a mover that was suspended would hold the lock for ever: it goes on, and ends at a safe point.
// None of these asks for anything: with a handler of Node's none of them ends us, and calls are made again.
for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGPIPE'] as const) process.on(signal, () => {});
setParentDeathSignal(constants.signals.SIGCONT);

// What a merge needs of root: owners, modes and names of others, device nodes, file capabilities, trusted xattrs, the
// reserve of a full disk, and /proc of those whom a warning names. Nothing of networks, modules, clocks, other users.
keepCapabilities(needed);

const linux = linuxPort();
let looked = performance.now();
/** Whether the engine may be stopped until its next safe point. */
let isStoppable = false;
// One file may take minutes: its calls are looked between as well. What writes does not stop: that may be the journal.
const betweenPieces = {
  copyRange: stoppingBefore(lookingBefore(linux.copyRange), isToStop),
  read: stoppingBefore(linux.read, isToStop),
  write: lookingBefore(linux.write),
};
const fs = published(Object.assign(Object.create(linux), betweenPieces), page.main);
move(job, {
  fs,
  say,
  drive,
  answered,
  check: (path) => checkPublished(path, fs, job.stallTimeoutMs, page.main),
});
// Our supervisor waits for our end: Node would take its heap apart first.
process.exit();

function drive<T>(steps: Steps<T>, lock: RootLock): T {
  let turns = 0;
  for (let step = steps.next(); ; ) {
    isStoppable = false;
    if (step.done) return step.value;
    if (++turns % LOOK_EVERY === 0 || isTimeToLook()) {
      endIfAlone();
      lock.keepFresh();
    }
    if (typeof step.value === 'object') step = atHooks(steps, step.value.hooks, lock);
    else if (page.main.stopAsked && step.value === 'stoppable') step = steps.throw(interrupted());
    else {
      isStoppable = step.value === 'stoppable';
      step = steps.next();
    }
  }
}

function atHooks<T>(steps: Steps<T>, phase: HookPhase, lock: RootLock): ReturnType<Steps<T>['next']> {
  say({ say: 'hooks', phase });
  try {
    answered(() => lock.keepFresh());
  } catch (error) {
    return steps.throw(error);
  }
  return steps.next();
}

/** @param wake called while it is waited for */
function answered(wake = (): void => {}): void {
  let line = readLine();
  for (; line === ''; line = readLine()) wake();
  const answer = JSON.parse(line) as Answer;
  if (!answer.go) throw errorFrom(answer.error);
}

function isTimeToLook(): boolean {
  return performance.now() - looked >= LOOK_MS;
}

function lookingBefore<Args extends readonly unknown[], Result>(
  call: (...args: Args) => Result,
): (...args: Args) => Result {
  return (...args) => {
    if (isTimeToLook()) endIfAlone();
    return call(...args);
  };
}

function isToStop(): boolean {
  if (!isStoppable || !page.main.stopAsked) return false;
  isStoppable = false;
  return true;
}

/** Without a supervisor nobody watches: the journal says how far it came. */
function endIfAlone(): void {
  looked = performance.now();
  if (process.ppid !== job.supervisor.pid) process.exit(1);
}

/** The lines that come, without their ends. The end of what comes is the supervisor's. */
function linesOf(fd: number): () => string {
  const chunk = Buffer.alloc(64 * 1024);
  let come = '';
  return () => {
    for (;;) {
      const end = come.indexOf('\n');
      if (end !== -1) {
        const line = Buffer.from(come.slice(0, end), 'latin1').toString('utf8');
        come = come.slice(end + 1);
        return line;
      }
      const length = readSync(fd, chunk);
      if (length === 0) process.exit(1);
      // One character a byte: a chunk may end within one of UTF-8.
      come += chunk.latin1Slice(0, length);
    }
  };
}

function say(message: Message): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  try {
    for (let done = 0; done < line.length; ) done += writeSync(CHANNELS.messages, line, done);
  } catch (error) {
    // Nobody is left to hear it: we end at a safe point, or give the lock back.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}
