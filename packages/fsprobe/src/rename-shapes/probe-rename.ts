import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { ascii, type Bytes, SyscallError } from '@emplace/syscalls';
import { howItEnded } from '../child/how-it-ended.ts';
import { type End, endOf, type Jobs, NOT_OURS, type Place, parseMessage, type Step } from './messages.ts';
import { everyShape, type RenameShapes } from './shapes.ts';
import { startOf } from './start.ts';
import { pathOf, superviseLimits } from './supervise.ts';
import { watched } from './watched.ts';

export interface RenameProbeOptions {
  /** How long a rename may take, 1 to 600,000; what else there is to do may take as long, but at least 2,000. By default 2,000. */
  readonly timeoutMs?: number;
}

/**
 * Whether rename(2) works, fails or never returns in a directory, in six shapes that package managers use. They run
 * side by side, each in a process of its own, in a private directory (`.emplace-probe-…`) that is removed in the end.
 * The caller is never blocked, whatever the file system does, not even in its exit.
 *
 * Not guaranteed: that others are not. A rename that hangs keeps its own private directory locked; a mkdir that hangs
 * keeps `dir` locked.
 * @param dir absolute path of a directory; symlinks in it are followed
 * @throws SyscallError ENOENT, ENOTDIR, EACCES, EROFS and whatever else open(2) or mkdir(2) of the private directory
 *   say; EINVAL for a relative path and for a time that is out of bounds
 */
export async function probeRename(dir: Bytes, options: RenameProbeOptions = {}): Promise<RenameShapes> {
  const job = newJob(dir, options);
  const outcome = await watched('supervise', job, superviseLimits(job.timeoutMs));
  return reportOf(outcome.end === 'hung' ? TOO_LONG : outcome, outcome.step, job);
}

/** As {@link probeRename}, for who cannot await: this thread waits for a process that always ends. */
export function probeRenameSync(dir: Bytes, options: RenameProbeOptions = {}): RenameShapes {
  const job = newJob(dir, options);
  const { start, work } = superviseLimits(job.timeoutMs);
  const { command, args, input, options: where } = startOf('supervise', job);
  // What the supervisor starts has pipes of its own: a stuck child does not hold these, which are read to their end.
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, {
    ...where,
    input,
    encoding: 'utf8',
    timeout: start + work,
    killSignal: 'SIGKILL',
  });
  if (error !== undefined) return reportOf({ end: 'failed', why: error.message }, 'start', job);
  // Behind the last line end is what it was killed in the middle of.
  const messages = stdout.split('\n').slice(0, -1).map(parseMessage);
  const ends = messages.map((message) => (message === undefined ? NOT_OURS : endOf(message)));
  const end = ends.find((one) => one !== undefined);
  const step = messages.reduce<Step>((last, message) => (message?.say === 'step' ? message.step : last), 'start');
  return reportOf(end ?? { end: 'failed', why: `its process ${howItEnded(status, signal, stderr)}` }, step, job);
}

const TIMEOUT_MAX_MS = 600_000;

const TOO_LONG: End = { end: 'failed', why: 'the supervising process took too long' };

function newJob(dir: Bytes, { timeoutMs = 2_000 }: RenameProbeOptions): Jobs['supervise'] {
  // The children work in `/`, where it would be another directory.
  if (!dir.startsWith('/')) throw new SyscallError('EINVAL', 'openat', [dir]);
  // A timer of more than 2^31 ms would end at once, and a healthy rename look hung.
  if (!(timeoutMs >= 1 && timeoutMs <= TIMEOUT_MAX_MS)) throw new SyscallError('EINVAL', 'setTimeout');
  return { dir, name: ascii(`.emplace-probe-${randomBytes(12).toString('hex')}`), timeoutMs };
}

function reportOf(end: End, step: Step, place: Place): RenameShapes {
  if (end.end === 'refused') throw end.error;
  if (end.end === 'done' && end.report !== undefined) return end.report;
  const why = end.end === 'failed' ? end.why : 'the supervising process had nothing to say';
  return { shapes: everyShape({ verdict: 'not-measured', why }), left: step === 'rename' ? [pathOf(place)] : [] };
}
