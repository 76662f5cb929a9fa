/**
 * A merge by a process of its own. This one makes no call on image or root, so that none can hang it: the mover opens,
 * locks, works and gives back, and this one watches. A call that never returns is named and its process killed (G10),
 * and what is left then is settled by a second mover, under the same lock.
 *
 * Not guaranteed: that while it starts hooks, see hooks/spawn-program.ts.
 */
import type { MergeRequest, RecoverOrder } from '../options.ts';
import type { MergeReport } from '../report.ts';
import type { Recovery } from '../transaction/recover.ts';
import { Crew, type Supervision } from './crew.ts';
import { failure, whyEnded } from './failure.ts';
import { errorFrom, type PlainRequest } from './protocol.ts';
import type { Ended, Fault } from './run-mover.ts';
import { Seen } from './seen.ts';
import { giveBack, settle } from './settle.ts';

export async function superviseMerge(request: MergeRequest, how: Supervision): Promise<MergeReport> {
  const seen = new Seen();
  const emit = seen.listening(request.emit);
  using crew = new Crew(emit, how);
  const order = { ...request, rollback: false, emit };
  const first = await crew.run({ do: 'merge', request: plainRequest(request) });
  const { said } = first;
  if (said === undefined) {
    const recovery = await settle(first, order, crew, seen);
    return await completed(first, recovery, request, crew, seen, how);
  }
  await giveBack(first, order, crew, seen);
  if (said.say === 'failed') throw errorFrom(said.error);
  if (said.say !== 'merged') throw new Error(`bug: a merge ended with ${said.say}`);
  return { ...said.report, warnings: seen.warnings };
}

/** {@link recover} by a process of its own. */
export async function superviseRecover(request: RecoverOrder, how: Supervision): Promise<Recovery> {
  const seen = new Seen();
  const order = { ...request, emit: seen.listening(request.emit) };
  using crew = new Crew(order.emit, how);
  const { root, rollback, durable } = request;
  const first = await crew.run({ do: 'recover', root, rollback, durable });
  const { said } = first;
  // Every step of recovery can be repeated (J7): once more, for whatever ended the first.
  if (said === undefined) return await settle(first, order, crew, seen);
  await giveBack(first, order, crew, seen);
  if (said.say === 'failed') throw errorFrom(said.error);
  if (said.say !== 'recovered') throw new Error(`bug: a recovery ended with ${said.say}`);
  return said.recovery;
}

/** What a merge is whose mover was lost: completed, where the second one found it past its commit point. @throws MergeError */
async function completed(
  { fault }: Ended,
  { transaction, tree: found }: Recovery,
  { transaction: ours, image }: MergeRequest,
  crew: Crew,
  seen: Seen,
  how: Supervision,
): Promise<MergeReport> {
  // Of an earlier merge, or nothing: ours had no journal any more, or not yet.
  const tree = transaction === ours ? found : seen.treeWithoutJournal;
  if (tree !== 'new' || seen.planned === undefined)
    throw failure(fault as Fault, tree === 'none' ? 'refused' : 'rolled-back');
  await runOutstanding(crew, how);
  const message = `${whyEnded(fault as Fault)}; a second process completed the merge`;
  how.emit({ type: 'warning', warning: { code: 'COMPLETED_BY_RECOVERY', message } });
  return { outcome: image === undefined ? 'unmerged' : 'merged', ...seen.planned, warnings: seen.warnings };
}

/** Hooks of phases that the mover did not live to ask for. */
async function runOutstanding(crew: Crew, { hooks }: Supervision): Promise<void> {
  for (const phase of ['post-commit', 'post-clean'] as const)
    if (hooks.phases.includes(phase) && !hooks.begun.has(phase)) await hooks.run(phase, crew.changes);
}

function plainRequest(request: MergeRequest): PlainRequest {
  const { transaction, image, root, strategy, links, keepImage, replaceTypes, directories } = request;
  const { exclude, undo, busy, lossy, durable, hooks, threads, ledger } = request;
  const trees = { transaction, image, root, strategy, links, keepImage, replaceTypes, directories };
  return { ...trees, exclude, undo, busy, lossy, durable, hooks, threads, ...(ledger && { ledger }) };
}
