import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import {
  eachLine,
  howItEnded,
  lastingThreadState,
  type ThreadState,
  type Timestamp,
  threadState,
} from '@emplace/fsprobe';
import { afterRunning } from '../after-running.ts';
import { FRESH_MS } from '../announce.ts';
import type { Emit } from '../events.ts';
import { interrupted } from '../interrupted.ts';
import { describeSelf } from '../lock-owner.ts';
import type { HookPhase } from '../steps.ts';
import { describeCall } from './describe-call.ts';
import type { Page } from './page.ts';
import {
  type Answer,
  errorFrom,
  type LastWord,
  type Message,
  PROTOCOL,
  parseMessage,
  plainError,
  type Task,
} from './protocol.ts';
import { type Inherited, moverCommand, notStarted, startMover } from './start-mover.ts';
import { limitsFrom, watchPage } from './watchdog.ts';

/** How a mover ended. */
export interface Ended {
  /** We had agreed on its root: it may have touched something. */
  readonly begun: boolean;
  /** What came of its task; undefined when it did not live to say. */
  readonly said: LastWord | undefined;
  /** Why it did not end by itself: it may not have given the lock back. */
  readonly fault: Fault | undefined;
}

export type Fault =
  /** Killed by somebody, crashed, or said what we do not know. */
  | { readonly end: 'died'; readonly why: string }
  /** A call did not return, and it was killed. */
  | { readonly end: 'stalled'; readonly call: string; readonly afterMs: number }
  /** The same, and it could not even be killed: it may still do that call. */
  | {
      readonly end: 'stuck';
      readonly call: string;
      /** undefined: it was killed for another reason, which `call` says. */
      readonly afterMs: number | undefined;
      readonly pid: number;
      readonly state: ThreadState;
    };

export interface Watched {
  readonly task: Task;
  readonly page: Page;
  readonly inherited: Inherited;
  /** Which root it must have opened, where we know: see identity.ts. */
  readonly root: string | undefined;
  readonly stallTimeoutMs: number;
  readonly handshakeMs: number;
  readonly emit: Emit;
  /** It says which root it opened, and once it holds the lock what time that had. */
  readonly onReady: (root: string) => void;
  readonly onHolding: (rootTime: Timestamp | undefined) => void;
  /** Another holds the lock: returns when it is time to try again. */
  readonly wait: (locked: Error) => Promise<void>;
  /** @param gone aborted when the mover that waits for them is */
  readonly runHooks: (phase: HookPhase, gone: AbortSignal) => Promise<void>;
  /** Asks it to stop at its next safe point. */
  readonly signal: AbortSignal | undefined;
  /** It waits for its job already. */
  readonly started?: ChildProcess;
  /** Instead of our own, in tests. */
  readonly command?: readonly string[];
}

/** How long a process may take to be gone that was killed, or that has nothing more to do. */
const GRACE_MS = 1_000;
const STDERR_MAX = 10_000;

/**
 * Starts a mover, agrees with it on the root, and watches it to its end. It counts as started only when it said that it
 * is ready; until then it has touched nothing. Its calls are watched from the first on: opening a tree may hang.
 *
 * @throws MergeError MOVER_NOT_STARTED, INTERRUPTED before it was
 */
export async function runMover(watched: Watched): Promise<Ended> {
  const { page, emit, signal } = watched;
  page.clear();
  const child = watched.started ?? (await startMover(watched.command ?? moverCommand(), watched.inherited));
  const pid = child.pid as number;
  const [stdin, , stderr, messages] = child.stdio as unknown as [Writable, null, Readable, Readable];
  const end = Promise.withResolvers<Fault | undefined>();
  using stack = new DisposableStack();
  let begun = false;
  let stalled: { call: string; afterMs: number } | undefined;
  let said: LastWord | undefined;
  let crash = '';
  let why: string | undefined;
  let asked: Promise<unknown> = Promise.resolve();
  const gone = new AbortController();

  const isSuspended = (): boolean => threadState(pid).state === 'T';
  const tellSuspended = (): void =>
    emit({ type: 'waiting', waiting: { what: `process ${pid}, which somebody suspended`, ms: 0 } });
  const kill = (reason: string): void => {
    why ??= reason;
    child.kill('SIGKILL');
    stack.use(afterRunning(GRACE_MS, giveUp));
  };
  const giveUp = (): void => {
    for (const stream of [stdin, stderr, messages]) stream.destroy();
    child.unref();
    const call = stalled ?? { call: why ?? '', afterMs: undefined };
    end.resolve({ end: 'stuck', ...call, pid, state: lastingThreadState(pid) });
  };
  const answer = (line: Answer | object): void => void stdin.write(`${JSON.stringify(line)}\n`);
  const runHooks = async (phase: HookPhase): Promise<void> => {
    // The mover keeps the lock looking fresh, and has no timers.
    const timer = setInterval(() => stdin.write('\n'), FRESH_MS);
    await watched.runHooks(phase, gone.signal).finally(() => clearInterval(timer));
  };
  const hear = (message: Message): void => {
    switch (message.say) {
      case 'ready':
        begun = true;
        watched.onReady(message.root);
        answer({ go: true });
        break;
      case 'locked':
        asked = outcomeOf(watched.wait(errorFrom(message.error))).then(answer);
        break;
      case 'holding':
        watched.onHolding(message.rootTime);
        emit({ type: 'mover', pid });
        break;
      case 'event':
        emit(message.event);
        break;
      case 'hooks':
        asked = outcomeOf(runHooks(message.phase)).then(answer);
        break;
      default:
        said = message;
        endSoon();
    }
  };
  /** Its calls are watched, and one after the other gives the lock back; but it may hang where it makes none. */
  const endSoon = (): void => {
    const { count } = page.main.read();
    const ms = Math.max(watched.stallTimeoutMs, GRACE_MS);
    const orKill = (): void => {
      const { call, count: now } = page.main.read();
      const suspended = isSuspended();
      if (suspended) tellSuspended();
      if (suspended || call !== 0 || now !== count) endSoon();
      else kill(`it did not end within ${ms} ms of its last word`);
    };
    stack.use(afterRunning(ms, orKill));
  };
  const hearIfRight = (message: Message | undefined): void => {
    const wrong = whatIsWrong(message, watched.root);
    if (message === undefined || wrong !== undefined) kill(wrong ?? '');
    // Of what was on its way when it was killed only its end matters: nobody waits for an answer.
    else if (why === undefined || !['ready', 'locked', 'hooks'].includes(message.say)) hear(message);
  };
  stack.use(
    watchPage(page.slots, {
      limitsMs: limitsFrom(watched.stallTimeoutMs),
      isSuspended,
      onSuspended: tellSuspended,
      onWaiting: (doing, ms) => emit({ type: 'waiting', waiting: { what: describeCall(pid, doing), ms } }),
      onStalled: (doing, ms) => {
        stalled = { call: describeCall(pid, doing), afterMs: ms };
        kill(`${stalled.call} did not return`);
      },
    }),
  );
  const stop = (): void => {
    page.main.askToStop();
    if (!begun) kill('it was not waited for any more');
    // Suspended it would hear of that when somebody thinks of it.
    else child.kill('SIGCONT');
  };

  const { handshakeMs } = watched;
  const giveUpSilent = (): void => {
    // Once it makes calls those are watched.
    if (!begun && page.main.read().count === 0) kill(`it said nothing within ${handshakeMs} ms`);
  };
  stack.use(afterRunning(handshakeMs, giveUpSilent));
  if (signal?.aborted) page.main.askToStop();
  signal?.addEventListener('abort', stop);
  stack.defer(() => signal?.removeEventListener('abort', stop));
  // It may be gone before it has read that.
  stdin.on('error', () => {});
  stderr.on('data', (chunk) => {
    crash = `${crash}${chunk}`.slice(0, STDERR_MAX);
  });
  eachLine(messages, (line) => hearIfRight(parseMessage(line)));
  // It runs: what fails is a signal to it, and that shows in its not ending.
  child.on('error', () => {});
  child.on('close', (status, how) => {
    if (stalled !== undefined) end.resolve({ end: 'stalled', ...stalled });
    else if (said !== undefined && status === 0) end.resolve(undefined);
    else end.resolve({ end: 'died', why: why ?? `it ${howItEnded(status, how, crash)}` });
  });
  answer({
    protocol: PROTOCOL,
    supervisor: describeSelf(),
    stallTimeoutMs: watched.stallTimeoutMs,
    task: watched.task,
  });
  const fault = await end.promise;
  // A hook that works in the root must not outlive the merge that it is part of.
  gone.abort();
  await asked;
  if (begun || said !== undefined) return { begun, said, fault };
  if (signal?.aborted) throw interrupted();
  if (fault?.end === 'stalled' || (fault?.end === 'stuck' && fault.afterMs !== undefined))
    return { begun, said, fault };
  throw notStarted(fault?.end === 'died' ? fault.why : (fault?.call ?? ''));
}

/** Why what it said is from no mover of ours, or from one that we cannot work with. */
function whatIsWrong(message: Message | undefined, root: string | undefined): string | undefined {
  if (message === undefined) return 'it said something that no mover says';
  if (message.say !== 'ready') return undefined;
  if (message.protocol !== PROTOCOL) return `it speaks protocol ${message.protocol}, not ${PROTOCOL}`;
  if (root === undefined || message.root === root) return undefined;
  return 'it opened another root: the path leads elsewhere by now';
}

async function outcomeOf(asked: Promise<void>): Promise<Answer> {
  try {
    await asked;
    return { go: true };
  } catch (error) {
    return { go: false, error: plainError(error) };
  }
}
