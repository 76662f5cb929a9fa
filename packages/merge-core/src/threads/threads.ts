import { prlimit, RLIMIT_NOFILE } from '@emplace/syscalls';
import { Page } from '../supervise/page.ts';
import type { Setup, ThreadTerms } from './setup.ts';
import { Thread } from './thread.ts';

/** To start a thread takes as long as some thousand small calls, or as reading some ten MiB. */
const TASKS_MIN = 3000;
const BYTES_MIN = 32 * 1024 * 1024;
/** Of this process. One thread does with half as many; who has none left can neither go on nor back. */
const DESCRIPTORS_MIN = 256;
/** How long one may take to be ready where it is waited for. */
const START_MS = 30_000;
/** Between two looks whether those that are waited for still live. */
const LOOK_MS = 50;
/** Those that are not ready by the commit point are not needed. */
const SETTLE_MS = 1000;

/** The worker threads of a merge, beside the one that it has. Started when there is enough to do; nobody waits for them to be ready. */
export class Threads implements Disposable {
  readonly #terms: ThreadTerms;
  readonly #setup: Setup;
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  #threads: Thread[] = [];
  #isStarted = false;

  constructor(terms: ThreadTerms, setup: Setup) {
    this.#terms = terms;
    this.#setup = setup;
  }

  /** @param tasks how many there will be @param bytes how much they read or write */
  start(tasks: number, bytes: number): void {
    const { count, always } = this.#terms;
    if (this.#isStarted || count < 2 || tasks < 2 || (tasks < TASKS_MIN && bytes < BYTES_MIN && !always)) return;
    this.#isStarted = true;
    if (prlimit(0, RLIMIT_NOFILE).soft < DESCRIPTORS_MIN) return;
    for (let number = 1; number < count && this.#add(number); number++);
    if (always) this.#settle(START_MS);
  }

  /** Where a limit of processes or memory refuses one, those that there are do the work. */
  #add(number: number): boolean {
    try {
      this.#threads.push(new Thread(number, this.#bell, this.#setup));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_INIT_FAILED') throw error;
      return false;
    }
  }

  get ready(): readonly Thread[] {
    return this.#threads.filter(({ isReady }) => isReady);
  }

  /** Waits until some thread has something to say, at most so long. @param heard what {@link rung} was when all had been heard */
  wait(heard: number, timeoutMs: number): void {
    Atomics.wait(this.#bell, 0, heard, timeoutMs);
  }

  get rung(): number {
    return Atomics.load(this.#bell, 0);
  }

  /** Before the commit point: who is still loading would load what the merge has replaced. */
  settle(): void {
    this.#settle(SETTLE_MS);
  }

  #settle(timeoutMs: number): void {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const heard = this.rung;
      const left = until - performance.now();
      if (left <= 0 || this.#threads.every(({ isReady, isDead }) => isReady || isDead)) break;
      this.wait(heard, Math.min(left, LOOK_MS));
    }
    // Asked once: one that becomes ready while it is told to end is given nothing.
    const ready = new Set(this.ready);
    for (const thread of this.#threads) if (!ready.has(thread)) thread.end();
    this.#threads = [...ready];
  }

  /** One that died is given nothing any more, and the call that it died in is no call that does not return. */
  bury(dead: Thread): void {
    this.#threads = this.#threads.filter((thread) => thread !== dead);
    if (this.#setup.page === undefined) return;
    using page = new Page(this.#setup.page);
    page.slots[dead.number]?.clear();
  }

  [Symbol.dispose](): void {
    for (const thread of this.#threads) thread.end();
    this.#threads = [];
  }
}
