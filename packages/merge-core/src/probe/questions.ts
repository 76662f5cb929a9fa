import { setImmediate as turn } from 'node:timers/promises';
import { type LeakReport, type ProbedSite, type ProbeWatch, probeSite } from '@emplace/fsprobe';
import { type Bytes, isErrno, toBuffer } from '@emplace/syscalls';
import { probeLeaks } from '../leaks.ts';

/** What is asked of two directories. */
export interface Questions {
  /** Absolute paths. */
  readonly source: Bytes;
  readonly target: Bytes;
  readonly leaks: boolean;
}

/** A part of a report that nothing could be measured for. */
export interface Unmeasured {
  readonly notMeasured: string;
}

export interface Answers {
  readonly site: ProbedSite;
  readonly leaks?: LeakReport | Unmeasured;
}

/**
 * Asks them, with every call in this process.
 * @param signal leaks are not begun after it
 * @throws SyscallError when one of the two is no directory, cannot be opened, or dies
 */
export async function ask(
  { source, target, leaks }: Questions,
  watch?: ProbeWatch,
  signal?: AbortSignal,
): Promise<Answers> {
  const site = probeSite(toBuffer(source), toBuffer(target), watch);
  if (!leaks) return { site };
  // A signal that came meanwhile is heard now.
  await turn();
  if (signal?.aborted) return { site, leaks: { notMeasured: 'the probe was stopped' } };
  watch?.asking('leaks');
  return { site, leaks: await leaksOf(source, target) };
}

async function leaksOf(source: Bytes, target: Bytes): Promise<LeakReport | Unmeasured> {
  try {
    return await probeLeaks(toBuffer(source), toBuffer(target));
  } catch (error) {
    // Nothing can be made there (EROFS, EACCES), or it is gone by now.
    if (isErrno(error)) return { notMeasured: `${error.call} gave ${error.code}` };
    throw error;
  }
}
