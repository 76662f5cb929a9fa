import type { RecoverOrder } from '../options.ts';
import type { Recovery } from '../transaction/recover.ts';
import type { Crew } from './crew.ts';
import { both, failure, whyEnded } from './failure.ts';
import type { Ended, Fault } from './run-mover.ts';
import type { Seen } from './seen.ts';

type Order = Pick<RecoverOrder, 'root' | 'rollback' | 'durable' | 'emit'>;

/**
 * After a mover that did not say what came of its task: a second one brings the old tree back, or completes the new one, and
 * gives the lock back. What cannot be killed may still do its call: it keeps the lock, and nobody follows it.
 *
 * @throws MergeError when that is not to be had: what waits then waits for `recover`
 */
export async function settle({ begun, fault }: Ended, order: Order, crew: Crew, seen: Seen): Promise<Recovery> {
  if (fault === undefined) throw new Error('bug: a mover ended well without a word');
  if (fault.end === 'stuck' || !begun) throw failure(fault, seen.touched ? 'incomplete' : 'refused');
  const { root, rollback, durable, emit } = order;
  let second: Ended;
  try {
    // A merge that was done with its journal has changed the root for good, its time too.
    second = await crew.runAfter({ root, rollback, durable }, seen.treeWithoutJournal !== 'new');
  } catch (error) {
    // What the first one left is still there, whatever a mover that does not start says of itself.
    throw both(fault, messageOf(error), error);
  }
  const { said } = second;
  if (said?.say === 'recovered') {
    if (second.fault !== undefined) emit(notGivenBack(whyEnded(second.fault)));
    return said.recovery;
  }
  throw both(fault, said?.say === 'failed' ? said.error.message : whyEnded(second.fault as Fault));
}

/** After a mover that said what came of its task, which stands: sees to it that its lock is given back, or tells that it is not. */
export async function giveBack(ended: Ended, order: Order, crew: Crew, seen: Seen): Promise<void> {
  if (ended.fault === undefined || !ended.begun) return;
  try {
    await settle(ended, order, crew, seen);
  } catch (error) {
    order.emit(notGivenBack(messageOf(error)));
  }
}

function notGivenBack(why: string): Parameters<Order['emit']>[0] {
  return { type: 'warning', warning: { code: 'LEFT_BEHIND', message: `the lock was not given back: ${why}` } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
