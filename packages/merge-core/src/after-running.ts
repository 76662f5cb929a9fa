/** A time between two looks that is longer than this was not spent waiting: we were suspended, or the machine was. */
export const GAP_MAX_MS = 1_000;

const LOOK_MS = 50;

/**
 * As setTimeout, but time in which this process did not run does not count; and what happened meanwhile is heard first.
 */
export function afterRunning(ms: number, act: () => void): Disposable {
  let left = ms;
  let last = performance.now();
  const timer = setInterval(
    () => {
      const now = performance.now();
      left -= Math.min(now - last, GAP_MAX_MS);
      last = now;
      if (left > 0) return;
      clearInterval(timer);
      setImmediate(() => {
        if (!over) act();
      });
    },
    Math.min(ms, LOOK_MS),
  );
  let over = false;
  return {
    [Symbol.dispose]: () => {
      over = true;
      clearInterval(timer);
    },
  };
}
