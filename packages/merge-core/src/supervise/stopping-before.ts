import { interrupted } from '../interrupted.ts';

/** A call of which one file takes many. A stop in the middle of it is a failure of that call: the engine rolls back. */
export function stoppingBefore<Args extends readonly unknown[], Result>(
  call: (...args: Args) => Result,
  isToStop: () => boolean,
): (...args: Args) => Result {
  return (...args) => {
    if (isToStop()) throw interrupted();
    return call(...args);
  };
}
