import { show } from '@emplace/syscalls';
import { type FailedOutcome, MergeError } from '../errors.ts';
import type { Fault } from './run-mover.ts';

/** What a merge ends with whose mover did not end by itself. */
export function failure(fault: Fault, outcome: FailedOutcome): MergeError {
  const isStall = fault.end === 'stalled' || (fault.end === 'stuck' && fault.afterMs !== undefined);
  return new MergeError(isStall ? 'STALLED' : 'MOVER_DIED', whyEnded(fault), { outcome });
}

/** And the second one could not put that right. */
export function both(first: Fault, then: string, cause?: unknown): MergeError {
  const { code, message } = failure(first, 'incomplete');
  return new MergeError(code, `${message}; and then: ${then}`, { outcome: 'incomplete', cause });
}

export function whyEnded(fault: Fault): string {
  switch (fault.end) {
    case 'died':
      return `the process that merged is gone: ${fault.why}`;
    case 'stalled':
      return `${fault.call} did not return within ${fault.afterMs} ms; its process was killed`;
    case 'stuck': {
      const { state, wchan } = fault.state;
      const where = wchan === undefined ? '' : `, in ${show(wchan as never)}`;
      const what = fault.afterMs === undefined ? fault.call : `${fault.call} did not return within ${fault.afterMs} ms`;
      return `${what}, and process ${fault.pid} that waits for it cannot be killed (state ${state}${where}): it holds the lock until the file system answers`;
    }
    default:
      return fault satisfies never;
  }
}
