import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { type ThreadState, threadState } from '@emplace/fsprobe';
import { show, toBytes } from '@emplace/syscalls';
import { afterRunning } from '../after-running.ts';
import type { Emit } from '../events.ts';
import { interrupted } from '../interrupted.ts';
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
  /** Which root it must have opened: see identity.ts. */
  readonly root: string;
  readonly stallTimeoutMs: number;
  readonly handshakeMs: number;
  readonly emit: Emit;
  /** @param gone aborted when the mover that waits for them is */
  readonly runHooks: (phase: HookPhase, gone: AbortSignal) => Promise<void>;
  /** Asks it to stop at its next safe point. */
  readonly signal: AbortSignal | undefined;
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
  const { page, emit, signal } = watched;
  page.clear();
  const child = startMover(watched.command ?? moverCommand(), watched.inherited);
  const pid = child.pid ?? 0;
  const [stdin, , stderr, messages] = child.stdio as unknown as [Writable, null, Readable, Readable];
  const end = Promise.withResolvers<End>();
  using stack = new DisposableStack();
  let ready = false;
  let stalled: { call: string; afterMs: number } | undefined;
  let said: Extract<End, { end: 'said' }> | undefined;
  let crash = '';
  let why: string | undefined;
  let hooks: Promise<unknown> = Promise.resolve();
  const gone = new AbortController();

  const kill = (reason: string): void => {
    why ??= reason;
    child.kill('SIGKILL');
    setTimeout(giveUp, GRACE_MS).unref();
  };
  const giveUp = (): void => {
    for (const stream of [stdin, stderr, messages]) stream.destroy();
    child.unref();
    const call = stalled ?? { call: why ?? '', afterMs: undefined };
    end.resolve({ end: 'stuck', ...call, pid, state: threadState(pid) });
  };
  const answer = (line: Answer | object): void => void stdin.write(`${JSON.stringify(line)}\n`);
  const begin = (): void => {
    ready = true;
    handshake[Symbol.dispose]();
    stack.use(watch());
    emit({ type: 'mover', pid });
    answer({ go: true });
  };
  const hear = (message: Message | undefined): void => {
    const wrong = whatIsWrong(message, watched.root);
    if (message === undefined || wrong !== undefined) kill(wrong ?? '');
    else if (message.say === 'ready') begin();
    else if (message.say === 'event') emit(message.event);
    else if (message.say === 'hooks') hooks = outcomeOf(watched.runHooks(message.phase, gone.signal)).then(answer);
    else said = { end: 'said', message };
  };
  const watch = (): Disposable =>
    watchPage(page, {
      limitsMs: limitsFrom(watched.stallTimeoutMs),
      isSuspended: () => threadState(pid).state === 'T',
      onSuspended: () =>
        emit({ type: 'waiting', waiting: { what: `process ${pid}, which somebody suspended`, ms: 0 } }),
      onWaiting: (doing, ms) => emit({ type: 'waiting', waiting: { what: describeCall(pid, doing), ms } }),
      onStalled: (doing, ms) => {
        stalled = { call: describeCall(pid, doing), afterMs: ms };
        kill(`${stalled.call} did not return`);
      },
    });
  const stop = (): void => {
    page.askToStop();
    if (!ready) kill('it was not waited for any more');
    // Suspended it would hear of that when somebody thinks of it.
    else child.kill('SIGCONT');
  };

  const { handshakeMs } = watched;
  const handshake = stack.use(afterRunning(handshakeMs, () => kill(`it said nothing within ${handshakeMs} ms`)));
  if (signal?.aborted) page.askToStop();
  signal?.addEventListener('abort', stop);
  stack.defer(() => signal?.removeEventListener('abort', stop));
  // It may be gone before it has read that.
  stdin.on('error', () => {});
  stderr.on('data', (chunk) => {
    crash = `${crash}${chunk}`.slice(0, STDERR_MAX);
  });
  createInterface({ input: messages }).on('line', (line) => hear(parseMessage(line)));
  child.on('error', (error) => {
    for (const stream of [stdin, stderr, messages]) stream.destroy();
    end.reject(notStarted(error.message, error));
  });
  child.on('close', (status, how) => {
    if (stalled !== undefined) end.resolve({ end: 'stalled', ...stalled });
    else end.resolve(said ?? { end: 'died', why: why ?? endOf(status, how, crash) });
  });
  answer({ protocol: PROTOCOL, supervisor: process.pid, task: watched.task });
  const ended = await end.promise;
  // A hook that works in the root must not outlive the merge that it is part of.
  gone.abort();
  await hooks;
  if (ready || ended.end === 'said') return ended;
  if (signal?.aborted) throw interrupted();
  throw notStarted(ended.end === 'died' ? ended.why : ended.call);
}

/** Why what it said is from no mover of ours, or from one that we cannot work with. */
function whatIsWrong(message: Message | undefined, root: string): string | undefined {
  if (message === undefined) return 'it said something that no mover says';
  if (message.say !== 'ready') return undefined;
  if (message.protocol !== PROTOCOL) return `it speaks protocol ${message.protocol}, not ${PROTOCOL}`;
  return message.root === root ? undefined : 'it opened another root: the path leads elsewhere by now';
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
