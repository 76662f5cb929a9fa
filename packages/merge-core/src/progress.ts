import type { Emit, Phase } from './events.ts';
import type { Steps } from './steps.ts';

/** Often enough for a bar that moves, rare enough to cost nothing. */
const EVERY = 256;

/** Tells of a phase while it is driven: its start, and every few steps how many were made. */
export function* tracked<T>(phase: Phase, total: number | undefined, emit: Emit, steps: Steps<T>): Steps<T> {
  emit({ type: 'phase', phase, total });
  let done = 0;
  let step = steps.next();
  while (!step.done) {
    if (++done % EVERY === 0) emit({ type: 'progress', phase, done: Math.min(done, total ?? done), total });
    let thrown: { error: unknown } | undefined;
    try {
      yield step.value;
    } catch (error) {
      thrown = { error };
    }
    step = thrown === undefined ? steps.next() : steps.throw(thrown.error);
  }
  return step.value;
}
