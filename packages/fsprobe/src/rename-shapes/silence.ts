import type { Bytes } from '@emplace/syscalls';
import { isServed } from '../mounts/served.ts';
import { watched } from './watched.ts';

/** Node loads for a tenth of a second; on a machine under load for some. */
const START_MS = 10_000;

/**
 * Why whoever opens a path would wait for ever; undefined when the file system answers, be it with an error. Only those are
 * asked that another process or machine serves, by a process of its own: this one makes no call on them.
 *
 * Not guaranteed: that it answers the next time; what {@link isServed} does not see; anything where no process can be started.
 * @param path absolute; symlinks in it are followed
 * @param timeoutMs how long all of it may take
 */
export async function silenceAt(path: Bytes, timeoutMs: number): Promise<string | undefined> {
  if (!isServed(path)) return undefined;
  const outcome = await watched('look', { path }, { start: START_MS, work: timeoutMs, rename: timeoutMs });
  switch (outcome.end) {
    case 'done':
    case 'refused':
      return undefined;
    case 'failed':
      // Who cannot start a process to ask will hear why when he starts another.
      return outcome.step === 'start' ? undefined : `it could not be asked: ${outcome.why}`;
    case 'hung':
      return `no answer within ${outcome.afterMs} ms`;
    default:
      return outcome satisfies never;
  }
}
