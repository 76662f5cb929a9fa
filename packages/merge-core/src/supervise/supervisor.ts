import { close, memfdCreate, show } from '@emplace/syscalls';
import type { Announce } from '../announce.ts';
import { checkTree } from '../answering.ts';
import { MergeError } from '../errors.ts';
import type { Emit, MergeEvent } from '../events.ts';
import { changesIn } from '../hooks/changes-file.ts';
import type { HookRunner } from '../hooks/runner.ts';
import { identityOf } from '../identity.ts';
import type { RootLock } from '../lock.ts';
import { openRecovered, openTrees } from '../merge.ts';
import type { MergeRequest, RecoverOrder } from '../options.ts';
import { statDirectory } from '../plan/survey.ts';
import type { MergeReport } from '../report.ts';
import type { Recovery } from '../transaction/recover.ts';
import { newPage, type Page } from './page.ts';
import { errorFrom, type PlainRequest, type Task } from './protocol.ts';
import { type End, runMover } from './run-mover.ts';
import { waitForLock } from './wait-for-lock.ts';

/** How a merge is watched. */
export interface Supervision {
  readonly signal: AbortSignal | undefined;
  readonly announce: Announce;
  readonly stallTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly hooks: HookRunner;
  /** Told what happens beside the engine: of the lock, of hooks, of movers. */
  readonly emit: Emit;
  /** How long a mover may take to say that it is ready. */
  readonly handshakeMs: number;
  /** Instead of our own mover, in tests. */
  readonly command?: readonly string[];
}

type Planned = Extract<MergeEvent, { type: 'planned' }>['planned'];

/**
 * A merge by a process of its own. This one holds the lock, which the other inherits, and watches: a call that never
 * returns is named and its process killed (G10), and what is left then is settled by a second mover.
 */
export async function superviseMerge(request: MergeRequest, how: Supervision): Promise<MergeReport> {
  const { fs } = request;
  for (const tree of [request.root, request.image]) checkTree(tree, fs, how.stallTimeoutMs);
  using trees = openTrees(request);
  using lock = await waitForLock(trees.root, fs, how);
  let planned: Planned | undefined;
  const remember = (event: MergeEvent): void => {
    if (event.type === 'planned') planned = event.planned;
    // Before that nothing was written but the lock.
    if (event.type === 'phase' && event.phase !== 'plan') crew.touched = true;
    request.emit(event);
  };
  const root = identityOf(statDirectory(trees.root, fs));
  using crew = new Crew(lock, root, remember, how);
  const plain = { ...plainRequest(request), ...(lock.rootTime && { rootTime: lock.rootTime }) };
  const end = await crew.run({ do: 'merge', request: plain });
  if (end.end === 'said' && end.message.say === 'merged') {
    lock.rootTime = undefined;
    return end.message.report;
  }
  if (end.end === 'said' && end.message.say === 'failed') {
    lock.rootTime = end.message.rootTime;
    throw errorFrom(end.message.error);
  }
  const { tree } = await crew.settle(end, request);
  if (tree === 'new') await crew.runOutstanding();
  if (tree !== 'new' || planned === undefined) throw failure(end, tree === 'none' ? 'refused' : 'rolled-back');
  how.emit({
    type: 'warning',
    warning: { code: 'COMPLETED_BY_RECOVERY', message: `${whyEnded(end)}; a second process completed the merge` },
  });
  return { outcome: 'merged', ...planned };
}

/** {@link recover} by a process of its own. */
export async function superviseRecover(request: RecoverOrder, how: Supervision): Promise<Recovery> {
  const { fs } = request;
  checkTree(request.root, fs, how.stallTimeoutMs);
  using tree = openRecovered(request);
  if (tree === undefined) return { transaction: undefined, tree: 'none' };
  using lock = await waitForLock(tree.root, fs, how);
  using crew = new Crew(lock, identityOf(statDirectory(tree.root, fs)), request.emit, how);
  const end = await crew.run(recoverTask(request));
  if (end.end === 'said') return crew.recoveryOf(end);
  // Every step of recovery can be repeated (J7): once more, for whatever ended the first.
  return await crew.settle(end, request);
}

/** The movers of one lock, one after the other, and what they share with us. */
class Crew implements Disposable {
  readonly #lock: RootLock;
  readonly #root: string;
  readonly #how: Supervision;
  /** Told what the engine says. */
  readonly #emit: Emit;
  readonly #page: Page;
  readonly #pageFd: number;
  readonly #changing: number;
  /** A mover has begun to change something. */
  touched = false;

  constructor(lock: RootLock, root: string, emit: Emit, how: Supervision) {
    this.#lock = lock;
    this.#root = root;
    this.#how = how;
    this.#emit = emit;
    const { page, fd } = newPage();
    this.#page = page;
    this.#pageFd = fd;
    this.#changing = memfdCreate('emplace-changing');
  }

  /** One mover, to its end. A stop that is asked for reaches it at its next safe point. */
  async run(task: Task): Promise<End> {
    const { stallTimeoutMs, handshakeMs, command } = this.#how;
    return await runMover({
      task,
      page: this.#page,
      inherited: { page: this.#pageFd, lock: this.#lock.file, changed: this.#changing },
      root: this.#root,
      stallTimeoutMs,
      handshakeMs,
      emit: this.#emit,
      runHooks: (phase, gone) => this.#how.hooks.run(phase, changesIn(this.#changing), gone),
      // A recovery is not stopped: what it settles is what a stop left.
      signal: task.do === 'merge' ? this.#how.signal : undefined,
      ...(command && { command }),
    });
  }

  /** Hooks of phases that the mover did not live to ask for. */
  async runOutstanding(): Promise<void> {
    const { hooks } = this.#how;
    for (const phase of ['post-commit', 'post-clean'] as const)
      if (hooks.phases.includes(phase) && !hooks.begun.has(phase)) await hooks.run(phase, changesIn(this.#changing));
  }

  /**
   * After a mover that did not end by itself: a second one brings the old tree back, or completes the new one.
   * @throws MergeError when that is not to be had either: what waits then waits for `recover`
   */
  async settle(
    first: End,
    { root, durable }: { readonly root: RecoverOrder['root']; readonly durable: boolean },
  ): Promise<Recovery> {
    if (first.end === 'stuck') throw this.#giveUp(first, first);
    let second: End;
    try {
      second = await this.run({ do: 'recover', root, rollback: false, durable });
    } catch (error) {
      // What the first one left is still there, whatever a mover that does not start says of itself.
      const why = error instanceof Error ? error.message : String(error);
      throw both(failure(first, 'incomplete'), why, error);
    }
    if (second.end === 'said') return this.recoveryOf(second);
    throw this.#giveUp(first, second);
  }

  recoveryOf({ message }: Extract<End, { end: 'said' }>): Recovery {
    if (message.say === 'recovered') {
      if (message.recovery.tree !== 'none') this.#lock.rootTime = message.recovery.rootTime;
      return message.recovery;
    }
    if (message.say === 'failed') throw errorFrom(message.error);
    throw new Error(`bug: a recovery ended with ${message.say}`);
  }

  /** What is stuck in the kernel may still do its call: it keeps the lock until it has, and so do its files. */
  #giveUp(first: End, last: End): MergeError {
    if (last.end === 'stuck') this.#lock.abandon();
    const error = failure(first, this.touched ? 'incomplete' : 'refused');
    return last === first ? error : both(error, whyEnded(last), error);
  }

  [Symbol.dispose](): void {
    close(this.#pageFd);
    close(this.#changing);
  }
}

function both(error: MergeError, then: string, cause: unknown): MergeError {
  return new MergeError(error.code, `${error.message}; and then: ${then}`, { outcome: 'incomplete', cause });
}

function recoverTask({ root, rollback, durable }: RecoverOrder): Task {
  return { do: 'recover', root, rollback, durable };
}

function plainRequest(request: MergeRequest): PlainRequest {
  const { transaction, image, root, strategy, links, keepImage, replaceTypes, directories } = request;
  const { exclude, undo, busy, lossy, durable, hooks } = request;
  const trees = { transaction, image, root, strategy, links, keepImage, replaceTypes, directories };
  return { ...trees, exclude, undo, busy, lossy, durable, hooks };
}

function failure(end: End, outcome: 'refused' | 'rolled-back' | 'incomplete'): MergeError {
  const isStall = end.end === 'stalled' || (end.end === 'stuck' && end.afterMs !== undefined);
  return new MergeError(isStall ? 'STALLED' : 'MOVER_DIED', whyEnded(end), { outcome });
}

function whyEnded(end: End): string {
  switch (end.end) {
    case 'said':
      return `it said ${end.message.say}`;
    case 'died':
      return `the process that merged is gone: ${end.why}`;
    case 'stalled':
      return `${end.call} did not return within ${end.afterMs} ms; its process was killed`;
    case 'stuck': {
      const { state, wchan } = end.state;
      const where = wchan === undefined ? '' : `, in ${show(wchan as never)}`;
      const what = end.afterMs === undefined ? end.call : `${end.call} did not return within ${end.afterMs} ms`;
      return `${what}, and process ${end.pid} that waits for it cannot be killed (state ${state}${where}): it holds the lock until the file system answers`;
    }
    default:
      return end satisfies never;
  }
}
