import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { type ThreadState, threadState } from '@emplace/fsprobe';
import { show, toBytes } from '@emplace/syscalls';
import type { Emit } from '../events.ts';
import type { HookPhase } from '../steps.ts';
import { describeCall } from './describe-call.ts';
import type { Page } from './page.ts';
import { type Answer, type Message, PROTOCOL, parseMessage, plainError, type Task } from './protocol.ts';
import { type Inherited, moverCommand, notStarted, startMover } from './start-mover.ts';
import { limitsFrom, watchPage } from './watchdog.ts';

/** How a mover ended. */
export type End =
  /** By itself: with what it said. */
  | { readonly end: 'said'; readonly message: Extract<Message, { say: 'merged' | 'recovered' | 'failed' }> }
  /** Without a word, or with one that we do not know: killed by somebody, crashed. */
  | { readonly end: 'died'; readonly why: string; readonly cause?: unknown }
  /** A call did not return, and it was killed. */
  | { readonly end: 'stalled'; readonly call: string; readonly afterMs: number }
  /** The same, and it could not even be killed: it may still do that call. */
  | {
      readonly end: 'stuck';
      readonly call: string;
      readonly afterMs: number;
      readonly pid: number;
      readonly state: ThreadState;
    };

export interface Watched {
  readonly task: Task;
  readonly page: Page;
  readonly inherited: Inherited;
  /** Which root it must have opened: see identity.ts. */
  readonly root: string;
  readonly stallTimeoutMs: number;
  readonly handshakeMs: number;
  readonly emit: Emit;
  readonly runHooks: (phase: HookPhase) => Promise<void>;
  /** Instead of our own, in tests. */
  readonly command?: readonly string[];
}

/** How long a killed process may take to be gone. */
const GRACE_MS = 1_000;
const STDERR_MAX = 10_000;

/**
 * Starts a mover, agrees with it on the root, and watches it to its end. It counts as started only when it said that it
 * is ready; until then it has touched nothing.
 *
 * @throws MergeError MOVER_NOT_STARTED
 */
export async function runMover(watched: Watched): Promise<End> {
  const { page, emit, handshakeMs } = watched;
  const child = startMover(watched.command ?? moverCommand(), watched.inherited);
  const [stdin, , stderr, messages] = child.stdio as unknown as [Writable, null, Readable, Readable];
  const end = Promise.withResolvers<End>();
  let phase: 'handshake' | 'work' = 'handshake';
  let stalled: { call: string; afterMs: number } | undefined;
  let said: Extract<End, { end: 'said' }> | undefined;
  let crash = '';
  let why: string | undefined;
  let cause: unknown;

  const kill = (reason: string): void => {
    why ??= reason;
    child.kill('SIGKILL');
    setTimeout(giveUp, GRACE_MS).unref();
  };
  const giveUp = (): void => {
    for (const stream of [stdin, stderr, messages]) stream.destroy();
    child.unref();
    const pid = child.pid ?? 0;
    const { call, afterMs } = stalled ?? { call: 'a call', afterMs: 0 };
    end.resolve({ end: 'stuck', call, afterMs, pid, state: threadState(pid) });
  };
  const answer = (line: Answer | object): void => void stdin.write(`${JSON.stringify(line)}\n`);
  const hear = async (message: Message | undefined): Promise<void> => {
    if (message === undefined) return kill('it said something that no mover says');
    switch (message.say) {
      case 'ready':
        if (message.protocol !== PROTOCOL) return kill(`it speaks protocol ${message.protocol}, not ${PROTOCOL}`);
        if (message.root !== watched.root) return kill('it opened another root: the path leads elsewhere by now');
        phase = 'work';
        clearTimeout(handshake);
        emit({ type: 'mover', pid: child.pid ?? 0 });
        return answer({ go: true });
      case 'event':
        return emit(message.event);
      case 'hooks':
        return answer(await outcomeOf(watched.runHooks(message.phase)));
      default:
        said = { end: 'said', message };
    }
  };

  const handshake = setTimeout(() => kill(`it said nothing within ${handshakeMs} ms`), handshakeMs);
  using _watch = watchPage(page, {
    limitsMs: limitsFrom(watched.stallTimeoutMs),
    isSuspended: () => threadState(child.pid).state === 'T',
    onWaiting: (doing, ms) => emit({ type: 'waiting', waiting: { what: describeCall(child.pid ?? 0, doing), ms } }),
    onStalled: (doing, ms) => {
      stalled = { call: describeCall(child.pid ?? 0, doing), afterMs: ms };
      kill(`${stalled.call} did not return`);
    },
  });
  // It may be gone before it has read that.
  stdin.on('error', () => {});
  stderr.on('data', (chunk) => {
    crash = `${crash}${chunk}`.slice(0, STDERR_MAX);
  });
  createInterface({ input: messages }).on('line', (line) => {
    hear(parseMessage(line)).catch((error: unknown) => {
      // Our caller's own event handler threw: nothing of that may be lost, and nobody watches any more.
      cause = error;
      kill('what listens to its events failed');
    });
  });
  child.on('error', (error) => {
    for (const stream of [stdin, stderr, messages]) stream.destroy();
    end.reject(notStarted(error.message, error));
  });
  child.on('close', (status, signal) => {
    if (stalled !== undefined) end.resolve({ end: 'stalled', ...stalled });
    else
      end.resolve(
        said ?? { end: 'died', why: why ?? endOf(status, signal, crash), ...(cause !== undefined && { cause }) },
      );
  });
  answer({ protocol: PROTOCOL, supervisor: process.pid, task: watched.task });
  try {
    const ended = await end.promise;
    if (phase === 'handshake' && ended.end !== 'said') throw notStarted(ended.end === 'died' ? ended.why : ended.call);
    return ended;
  } finally {
    clearTimeout(handshake);
  }
}

async function outcomeOf(hooks: Promise<void>): Promise<Answer> {
  try {
    await hooks;
    return { go: true };
  } catch (error) {
    return { go: false, error: plainError(error) };
  }
}

function endOf(status: number | null, signal: string | null, stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((one) => /^\w*Error\b/.test(one)) ?? lines.at(-1);
  const how = signal === null ? `exit code ${status}` : signal;
  return `it ended with ${how}${line === undefined ? '' : `: ${show(toBytes(line))}`}`;
}
