import type { ChildProcess } from 'node:child_process';
import type { Timestamp } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import type { Emit } from '../events.ts';
import { changesIn } from '../hooks/changes-file.ts';
import type { HookRunner } from '../hooks/runner.ts';
import { type LockPolicy, patienceOf } from '../patience.ts';
import { type Equipment, equip } from './equipment.ts';
import type { RecoverTask, Task } from './protocol.ts';
import { type Ended, runMover } from './run-mover.ts';
import type { StartedMover } from './start-ahead.ts';
import { notStarted } from './start-mover.ts';

/** How a merge is watched. */
export interface Supervision extends LockPolicy {
  readonly stallTimeoutMs: number;
  readonly hooks: HookRunner;
  /** Told what happens beside the engine: of hooks, of movers, what is waited for. */
  readonly emit: Emit;
  /** How long a mover may take to make its first call. */
  readonly handshakeMs: number;
  /** One that waits for its job already. */
  readonly mover?: StartedMover | undefined;
  /** Instead of our own mover, in tests. */
  readonly command?: readonly string[];
}

/** The movers of one lock, one after the other, and what they share: none of it lies on a file system. */
export class Crew implements Disposable {
  readonly #how: Supervision;
  /** Told what the engine says. */
  readonly #emit: Emit;
  readonly #equipment: Equipment;
  /** Started ahead, for the first of them. */
  #ready: ChildProcess | undefined;
  /** Which root the first one opened. */
  #root: string | undefined;
  /** What its time was. */
  #rootTime: Timestamp | undefined;

  constructor(emit: Emit, how: Supervision) {
    this.#how = how;
    this.#emit = emit;
    const ahead = how.mover?.take();
    this.#ready = ahead?.child;
    try {
      this.#equipment = ahead?.equipment ?? equip();
    } catch (error) {
      // EMFILE, ENFILE, ENOMEM.
      if (isErrno(error)) throw notStarted(error.message, error);
      throw error;
    }
  }

  /** What the mover wrote down that will change, for hooks. */
  get changes(): ReturnType<typeof changesIn> {
    return changesIn(this.#equipment.inherited.changed);
  }

  /** The first mover, to its end. A merge that is to stop hears of that at its next safe point. */
  async run(task: Task): Promise<Ended> {
    // A recovery is not stopped: what it settles is what a stop left.
    return await this.#run(task, this.#how.signal, task.do === 'merge' ? this.#how.signal : undefined);
  }

  /** A second one, which brings the old tree back or completes the new one. Nobody else had the lock in between, and nothing stops it. */
  async runAfter(task: Omit<RecoverTask, 'do' | 'after'>, isTimeKept: boolean): Promise<Ended> {
    const after = isTimeKept && this.#rootTime !== undefined ? { rootTime: this.#rootTime } : {};
    return await this.#run({ ...task, do: 'recover', after }, undefined, undefined);
  }

  async #run(task: Task, waitSignal: AbortSignal | undefined, signal: AbortSignal | undefined): Promise<Ended> {
    const { stallTimeoutMs, handshakeMs, command, hooks } = this.#how;
    const { page, inherited } = this.#equipment;
    const started = this.#ready;
    this.#ready = undefined;
    return await runMover({
      task,
      page,
      inherited,
      ...(started && { started }),
      root: this.#root,
      stallTimeoutMs,
      handshakeMs,
      emit: this.#emit,
      onReady: (root) => {
        this.#root = root;
      },
      onHolding: (rootTime) => {
        this.#rootTime = rootTime;
      },
      wait: patienceOf({ ...this.#how, signal: waitSignal }),
      runHooks: (phase, gone) => hooks.run(phase, this.changes, gone),
      signal,
      ...(command && { command }),
    });
  }

  /** What waits in flight, if anything does, is let go: a lock that nobody else holds is free then. */
  [Symbol.dispose](): void {
    this.#ready?.kill('SIGKILL');
    this.#equipment[Symbol.dispose]();
  }
}
