import { SyscallError } from '@emplace/syscalls';
import type { Steps } from '../steps.ts';
import { failureFrom } from './failure.ts';
import { perform, type TaskName, type Tasks, type Workplace } from './tasks.ts';
import type { Answer, Thread } from './thread.ts';
import type { Threads } from './threads.ts';

/** Tasks go to threads in batches: of so many, or so many bytes. */
const TASKS_MAX = 64;
const BYTES_MAX = 4 * 1024 * 1024;
/** Between two looks whether a thread that is waited for still lives. */
const LOOK_MS = 50;

/** One task, and who is told what came of it. */
interface Item {
  readonly name: TaskName;
  readonly task: Tasks[TaskName]['task'];
  readonly done: (result: never) => void;
}

interface Given {
  readonly thread: Thread;
  /** Number of its first task. */
  readonly first: number;
  readonly items: readonly Item[];
}

/**
 * One phase whose tasks need no order among them. They are done here, and by worker threads once there are any that are ready.
 * When this is disposed of no thread is at any of them.
 */
export class SharedWork implements Disposable {
  /** Where this thread works. */
  readonly at: Workplace;
  readonly #threads: Threads | undefined;
  readonly #point: 'stoppable' | 'finishing';
  #batch: Item[] = [];
  #bytes = 0;
  /** Tasks that were given to somebody so far. */
  #count = 0;
  /** Batches that threads have not answered, in their order for each thread. */
  #given: Given[] = [];
  #heard = 0;
  /** The first by the order of the tasks. */
  #failed: { readonly number: number; readonly error: unknown } | undefined;

  /** @param point what kind of safe point there is between its tasks */
  constructor(at: Workplace, threads: Threads | undefined, point: 'stoppable' | 'finishing') {
    this.at = at;
    this.#threads = threads;
    this.#point = point;
  }

  /**
   * Has a task done, now or later. @param bytes that it reads or writes @param done told what came of it
   * @throws what the first task threw that failed, once no thread is at any other
   */
  share<Name extends TaskName>(
    name: Name,
    task: Tasks[Name]['task'],
    bytes: number,
    done: (result: Tasks[Name]['result']) => void,
  ): void {
    this.#batch.push({ name, task, done });
    this.#bytes += bytes;
    if (this.#batch.length < TASKS_MAX && this.#bytes < BYTES_MAX && this.#isShared()) return;
    this.#handOut();
  }

  /** Everything is done when this returns. @throws as {@link share} does */
  *finish(): Steps<void> {
    this.#handOut();
    for (;;) {
      const heard = this.#threads?.rung ?? 0;
      this.#collect();
      if (this.#given.length === 0) return;
      this.#threads?.wait(heard, LOOK_MS);
      yield this.#point;
    }
  }

  #isShared(): boolean {
    return this.#threads !== undefined && this.#threads.ready.length > 0;
  }

  /** To a thread that has room for it, or it is done here. */
  #handOut(): void {
    if (this.#given.length > 0) this.#collect();
    const items = this.#batch;
    const first = this.#count;
    this.#batch = [];
    this.#bytes = 0;
    this.#count += items.length;
    const thread = items.length > 1 ? this.#threads?.ready.find(({ hasRoom }) => hasRoom) : undefined;
    if (thread !== undefined) {
      thread.give({ names: items.map(({ name }) => name), tasks: items.map(({ task }) => task), point: this.#point });
      this.#given.push({ thread, first, items });
      return;
    }
    for (const [index, { name, task, done }] of items.entries()) {
      try {
        done(perform(name, task, this.at) as never);
      } catch (error) {
        this.#fail(first + index, error);
        this.#throwFirst();
      }
    }
  }

  /** Hears what threads have to say. */
  #collect(): void {
    const rung = this.#threads?.rung ?? 0;
    if (rung === this.#heard) {
      this.#checkAlive();
      return;
    }
    this.#heard = rung;
    this.#hearAll();
    if (this.#failed !== undefined) this.#throwFirst();
  }

  /** What has come is of the earliest batch that its thread was given: of a later one it may come while this looks. */
  #hearAll(): void {
    for (const thread of new Set(this.#given.map((given) => given.thread)))
      for (let answer = thread.take(); answer !== undefined; answer = thread.take()) {
        const given = this.#given.find((one) => one.thread === thread);
        if (given === undefined) throw new Error('bug: an answer to nothing');
        this.#given = this.#given.filter((one) => one !== given);
        this.#hear(given, answer);
      }
  }

  #hear({ first, items }: Given, { results, failure }: Answer): void {
    for (const [index, result] of results.entries()) {
      try {
        items[index]?.done(result as never);
      } catch (error) {
        this.#fail(first + index, error);
      }
    }
    if (failure !== undefined) this.#fail(first + results.length, failureFrom(failure));
  }

  #fail(number: number, error: unknown): void {
    if (this.#failed === undefined || number < this.#failed.number) this.#failed = { number, error };
  }

  /** What fails of tasks before the one that failed is what an inline run would have met. */
  #throwFirst(): never {
    this.#rest();
    throw this.#failed?.error;
  }

  /** A thread that died (it is out of memory) answers nothing any more. */
  #checkAlive(): void {
    this.#letGoOfDead();
    if (this.#failed !== undefined) this.#throwFirst();
  }

  #letGoOfDead(): void {
    for (const thread of new Set(this.#given.map((given) => given.thread))) {
      if (!thread.isDead) continue;
      const first = this.#given.find((given) => given.thread === thread)?.first ?? 0;
      this.#given = this.#given.filter((given) => given.thread !== thread);
      this.#threads?.bury(thread);
      this.#fail(first, new SyscallError('ENOMEM', 'a worker thread, which ended'));
    }
  }

  /** Waits until no thread is at any task: what they work on is not theirs any more. */
  #rest(): void {
    this.#batch = [];
    while (this.#given.length > 0) {
      const heard = this.#threads?.rung ?? 0;
      this.#hearAll();
      this.#letGoOfDead();
      if (this.#given.length > 0) this.#threads?.wait(heard, LOOK_MS);
    }
  }

  [Symbol.dispose](): void {
    this.#rest();
  }
}
