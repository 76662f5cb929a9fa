import { MergeError } from './errors.ts';

/** What a merge ends with that was asked to stop before its commit point. */
export function interrupted(): MergeError {
  return new MergeError('INTERRUPTED', 'the merge was stopped before its commit point', { outcome: 'rolled-back' });
}
