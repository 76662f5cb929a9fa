import { loadAnnounce } from './announce.ts';
import { MergeError } from './errors.ts';
import { mergeSteps, recoverSteps } from './merge.ts';
import { type MergeOptions, mergeRequest, type RecoverOptions, recoverOrder } from './options.ts';
import type { MergeReport, RecoverReport } from './report.ts';
import { runAsync, runSync } from './steps.ts';

/**
 * Puts an image tree onto a root: all of it, or nothing of it.
 *
 * @throws MergeError; its `outcome` says what the root holds, its `code` why.
 */
export async function merge(options: MergeOptions): Promise<MergeReport> {
  return runAsync(mergeSteps(mergeRequest(options), await loadAnnounce()), { ...driver, signal: options.signal });
}

/** {@link merge} without a pause: for callers that isolate it themselves. `signal` has no effect. */
export function mergeSync(options: MergeOptions): MergeReport {
  return runSync(mergeSteps(mergeRequest(options)));
}

/** Finishes what a stopped merge left. @throws MergeError */
export async function recover(options: RecoverOptions): Promise<RecoverReport> {
  return runAsync(recoverSteps(recoverOrder(options), await loadAnnounce()), { ...driver, signal: undefined });
}

/** {@link recover} without a pause. */
export function recoverSync(options: RecoverOptions): RecoverReport {
  return runSync(recoverSteps(recoverOrder(options)));
}

const driver = {
  stop: (): Error =>
    new MergeError('INTERRUPTED', 'the merge was stopped before its commit point', { outcome: 'rolled-back' }),
  runHooks: async (): Promise<void> => {},
};
