/** When hooks run: before anything is staged, before the commit point, when everything is placed, when all is done. */
export const hookPhases = ['pre-stage', 'pre-commit', 'post-commit', 'post-clean'] as const;

export type HookPhase = (typeof hookPhases)[number];

/** Whoever drives runs the hooks of a phase here. What they throw before the commit point rolls the merge back. */
interface HookPoint {
  readonly hooks: HookPhase;
}

/**
 * The engine as a walk of small synchronous steps. Each `yield` is a safe point, where whoever drives may let
 * timers and signals run; `'stoppable'` says that it may also throw into the engine there, or let a call fail until the
 * next point, and the engine then rolls back. After the commit point every point is `'finishing'`: a merge is completed, not stopped.
 */
export type Steps<T> = Generator<'stoppable' | 'finishing' | HookPoint, T, void>;

/** Drives the steps to their end without a pause, and without hooks. */
export function runSync<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

export interface Driver {
  readonly signal: AbortSignal | undefined;
  /** The error to stop with. */
  readonly stop: () => Error;
  readonly runHooks: (phase: HookPhase) => Promise<void>;
}

/** How long the event loop waits at most. */
const SLICE_MS = 20;

/** Drives the steps, lets the event loop turn in between, and stops at a safe point once the signal is aborted. */
export async function runAsync<T>(steps: Steps<T>, { signal, stop, runHooks }: Driver): Promise<T> {
  let turn = performance.now();
  let step = steps.next();
  while (!step.done) {
    if (performance.now() - turn > SLICE_MS) {
      await new Promise(setImmediate);
      turn = performance.now();
    }
    if (typeof step.value === 'object') step = await withHooks(steps, step.value.hooks, runHooks);
    else step = signal?.aborted && step.value === 'stoppable' ? steps.throw(stop()) : steps.next();
  }
  return step.value;
}

async function withHooks<T>(
  steps: Steps<T>,
  phase: HookPhase,
  runHooks: Driver['runHooks'],
): Promise<ReturnType<Steps<T>['next']>> {
  try {
    await runHooks(phase);
  } catch (error) {
    return steps.throw(error);
  }
  return steps.next();
}
