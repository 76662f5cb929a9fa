/**
 * The engine as a walk of small synchronous steps. Each `yield` is a safe point, where whoever drives may let
 * timers and signals run; `'stoppable'` says that it may also throw into the engine there, and the engine then
 * rolls back. After the commit point every point is `'finishing'`: a merge is completed, not stopped.
 */
export type Steps<T> = Generator<'stoppable' | 'finishing', T, void>;

/** Drives the steps to their end without a pause. */
export function runSync<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Drives the steps, lets the event loop turn every `sliceMs`, and stops at a safe point once `signal` is aborted. */
export async function runAsync<T>(
  steps: Steps<T>,
  signal: AbortSignal | undefined,
  stop: () => Error,
  sliceMs = 20,
): Promise<T> {
  let turn = performance.now();
  let step = steps.next();
  while (!step.done) {
    if (performance.now() - turn > sliceMs) {
      await new Promise(setImmediate);
      turn = performance.now();
    }
    step = signal?.aborted && step.value === 'stoppable' ? steps.throw(stop()) : steps.next();
  }
  return step.value;
}
