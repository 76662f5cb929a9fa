import { type ChildProcess, spawn } from 'node:child_process';
import { extname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { eachLine, howItEnded, type ThreadState, threadState } from '@emplace/fsprobe';
import { type Bytes, SyscallError } from '@emplace/syscalls';
import { answersFrom, type Job, type Message, parseMessage } from './messages.ts';
import type { Answers, Questions } from './questions.ts';

/** A question that the file system never answered, or why none could be put to it. */
export interface Unanswered {
  readonly why: string;
  /** Paths of what may be left, or may yet appear: to be removed when the file system answers again. */
  readonly left: readonly Bytes[];
}

const START_MS = 10_000;
/** How long a killed process may take to be gone. */
const GRACE_MS = 300;
/** Five merges with a program each. */
const LEAKS_MS = 30_000;
const STDERR_MAX = 10_000;

/**
 * As `ask`, in a process of its own under a watchdog: for file systems that may never answer. The caller is never
 * blocked, not even in its exit.
 *
 * Not guaranteed: that the process is gone. A call that is never answered outlives SIGKILL.
 * @param limitMs how long one question may take
 * @param signal ends it with the question that it is at
 * @param command instead of our own process, in tests
 * @throws SyscallError that a call in it gave
 */
export function askApart(
  questions: Questions,
  limitMs: number,
  signal?: AbortSignal,
  command: readonly string[] = probeCommand(),
): Promise<Answers | Unanswered> {
  const job: Job = { parent: process.pid, questions };
  const { promise, resolve, reject } = Promise.withResolvers<Answers | Unanswered>();
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, command, { cwd: '/', stdio: 'pipe' });
  } catch (error) {
    // Some errors of execve come here (ETXTBSY, EACCES), others as an event.
    return Promise.resolve({ why: notStarted(error), left: [] });
  }
  child.on('error', (error) => resolve({ why: notStarted(error), left: [] }));
  if (child.pid === undefined) return promise;
  const [stdin, stdout, stderr] = child.stdio as unknown as [Writable, Readable, Readable];
  let asking = 'start';
  let left: readonly Bytes[] = [];
  let crash = '';
  let why: string | undefined;
  let timer = setTimeout(expire, START_MS);
  signal?.addEventListener('abort', stop);

  stderr.on('data', (chunk) => {
    crash = `${crash}${chunk}`.slice(0, STDERR_MAX);
  });
  eachLine(stdout, (line) => hear(parseMessage(line)));
  child.on('close', (status, killed) => end({ why: why ?? `its process ${howItEnded(status, killed, crash)}`, left }));
  // It may be gone before it has read that.
  stdin.on('error', () => {});
  stdin.end(JSON.stringify(job));
  return promise;

  function hear(message: Message | undefined): void {
    // What was on its way when its time was up.
    if (why !== undefined) return;
    if (message === undefined) {
      kill('its process said something that no probe says');
      return;
    }
    clearTimeout(timer);
    switch (message.say) {
      case 'asking':
        asking = message.what;
        timer = setTimeout(expire, asking === 'leaks' ? LEAKS_MS : limitMs);
        // The site's own directories are gone by now; those of leaks are not known.
        if (asking === 'leaks') left = [];
        break;
      case 'making':
        left = message.paths;
        timer = setTimeout(expire, limitMs);
        break;
      case 'answered':
        end(answersFrom(message.answers));
        break;
      case 'refused':
        fail(new SyscallError(message.code, message.call, message.paths));
        break;
      case 'failed':
        fail(new Error(`in the probe's process: ${message.why}`));
        break;
      default:
        message satisfies never;
    }
  }
  function expire(): void {
    kill(`${asking} did not answer within ${asking === 'start' ? START_MS : limitMs} ms`, threadState(child.pid));
  }
  /** It removes what it made before it ends; where that takes too long the watchdog ends it. */
  function stop(): void {
    clearTimeout(timer);
    timer = setTimeout(expire, limitMs);
    child.kill('SIGTERM');
  }
  function kill(reason: string, state?: ThreadState): void {
    why ??= state?.wchan === undefined ? reason : `${reason} (state ${state.state}, in ${state.wchan})`;
    clearTimeout(timer);
    timer = setTimeout(giveUp, GRACE_MS);
    child.kill('SIGKILL');
  }
  function giveUp(): void {
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
    child.unref();
    end({ why: `${why}; process ${child.pid} cannot be ended before it does`, left });
  }
  function end(result: Answers | Unanswered): void {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    resolve(result);
  }
  function fail(error: Error): void {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    reject(error);
  }
}

function probeCommand(): string[] {
  // Beside this file as a source, as tsc's output, and in the command line's bundle, where all outputs lie in one directory.
  const extension = extname(import.meta.url);
  const script = fileURLToPath(new URL(`./probe-child${extension}`, import.meta.url));
  const flags = extension === '.ts' ? ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning'] : [];
  return [...flags, script];
}

function notStarted(error: unknown): string {
  return `its process could not be started: ${error instanceof Error ? error.message : String(error)}`;
}
