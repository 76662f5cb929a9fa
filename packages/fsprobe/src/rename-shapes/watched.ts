import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { howItEnded } from '../child/how-it-ended.ts';
import { eachLine } from '../child/lines.ts';
import { type End, endOf, type Jobs, type Message, NOT_OURS, parseMessage, type Role, type Step } from './messages.ts';
import { type Start, startOf } from './start.ts';
import { type ThreadState, threadState } from './thread-state.ts';

/** How long each step of a child may take. `start`: until its first word, all that Node needs to load. */
export type LimitsMs = Readonly<Record<Step, number>>;

/** What became of a child. */
export type Outcome = (End | ({ readonly end: 'hung'; readonly afterMs: number } & ThreadState)) & {
  /** What it was about to do. */
  readonly step: Step;
  /** Only of a child that SIGKILL did not end: it still holds its locks. */
  readonly pid?: number;
};

/** How long a killed process may take to be gone. */
export const GRACE_MS = 300;

/**
 * Runs a child that may never end. When a step takes longer than it may, or `stop` is given, it is killed; when that
 * does not end it within 300 ms, it is given up: nothing here waits for it any more, not even the exit of this process.
 *
 * Not guaranteed: that it is gone. A call that the file system never answers outlives SIGKILL, and its parent is not told.
 * @param start instead of our own child, in tests
 */
export function watched<R extends Role>(
  role: R,
  job: Jobs[R],
  limits: LimitsMs,
  stop?: AbortSignal,
  start: Start = startOf(role, job),
): Promise<Outcome> {
  let child: ChildProcessByStdio<Writable, Readable, Readable>;
  const { command, args, input, options } = start;
  try {
    child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (error) {
    // Some errors of execve come here (ETXTBSY, EACCES), others as an event.
    return Promise.resolve({ end: 'failed', step: 'start', why: notStarted(error) });
  }
  return new Promise((resolve) => {
    let step: Step = 'start';
    let since = performance.now();
    let outcome: End | ({ end: 'hung'; afterMs: number } & ThreadState) | undefined;
    let stderr = '';
    let timer = setTimeout(expire, limits.start);

    stop?.addEventListener('abort', expire);
    child.on('error', (error) => settle({ end: 'failed', why: notStarted(error) }));
    // It did not even get its pipes.
    if (child.pid === undefined) return;
    child.on('close', (status, signal) =>
      settle({ end: 'failed', why: `its process ${howItEnded(status, signal, stderr)}` }),
    );
    child.stderr.on('data', (chunk) => {
      stderr = `${stderr}${chunk}`.slice(0, 10_000);
    });
    eachLine(child.stdout, (line) => hear(parseMessage(line)));
    // It may be gone before it has read that.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    // It came before anybody listened.
    if (stop?.aborted) expire();

    function hear(message: Message | undefined): void {
      // What was on its way when its time was up.
      if (child.killed) return;
      if (message === undefined) {
        outcome ??= NOT_OURS;
        expire();
        return;
      }
      if (message.say === 'step') step = message.step;
      outcome ??= endOf(message);
      since = performance.now();
      clearTimeout(timer);
      timer = setTimeout(expire, limits[step]);
    }
    function expire(): void {
      outcome ??= whyKilled();
      clearTimeout(timer);
      timer = setTimeout(giveUp, GRACE_MS);
      child.kill('SIGKILL');
    }
    function whyKilled(): NonNullable<typeof outcome> {
      const afterMs = Math.round(performance.now() - since);
      if (stop?.aborted) return { end: 'failed', why: 'the probe was stopped' };
      if (step === 'start') return { end: 'failed', why: `its process did not start within ${afterMs} ms` };
      return { end: 'hung', afterMs, ...threadState(child.pid) };
    }
    function giveUp(): void {
      if (outcome?.end === 'hung') outcome = { ...outcome, ...threadState(child.pid) };
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      child.unref();
      settle({ end: 'failed', why: 'it could not be ended' }, child.pid);
    }
    /** @param otherwise how it ended when it did not say so, and was not killed */
    function settle(otherwise: End, pid?: number): void {
      clearTimeout(timer);
      stop?.removeEventListener('abort', expire);
      resolve({ ...(outcome ?? otherwise), step, ...(pid !== undefined && { pid }) });
    }
  });
}

function notStarted(error: unknown): string {
  return `its process could not be started: ${error instanceof Error ? error.message : String(error)}`;
}
