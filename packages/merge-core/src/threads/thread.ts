import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { PlainFailure } from './failure.ts';
import { nodeFlags } from './node-flags.ts';
import type { Setup } from './setup.ts';
import type { TaskName, Tasks } from './tasks.ts';

/** Words that both sides have in shared memory. */
export const WORD = { state: 0, posted: 1, thread: 2 } as const;
/** Of the first word. */
export const STATE = { starting: 0, ready: 1 } as const;

/** Tasks that are handed over together. */
export interface Batch {
  readonly names: readonly TaskName[];
  readonly tasks: readonly Tasks[TaskName]['task'][];
  /** Of what kind of phase they are: see steps.ts. */
  readonly point: 'stoppable' | 'finishing';
}

/** What came of a batch: of its tasks in their order, up to the one that failed. */
export interface Answer {
  readonly results: readonly Tasks[TaskName]['result'][];
  readonly failure?: PlainFailure;
}

/** What a thread is started with. */
export interface ThreadData {
  readonly setup: Setup;
  /** Its number, from 1. */
  readonly number: number;
  readonly port: MessagePort;
  readonly words: Int32Array;
  /** Of all threads: it grows with each answer. */
  readonly bell: Int32Array;
}

/** A second batch lies ready while it is at the first. */
const BATCHES_MAX = 2;
/** What it has of its own is small: entries come in batches, content goes through a buffer outside of that. */
const limits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8, stackSizeMb: 1 };

/** A worker thread, as the one that gives it work sees it. It is asked and answers without an event loop turning on either side. */
export class Thread {
  readonly number: number;
  readonly #port: MessagePort;
  readonly #words: Int32Array = new Int32Array(new SharedArrayBuffer(12));
  readonly #worker: Worker;
  #given = 0;
  #answered = 0;

  constructor(number: number, bell: Int32Array, setup: Setup) {
    this.number = number;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: ThreadData = { setup, number, port: port2, words: this.#words, bell };
    const script = new URL(`./task-thread${extname(import.meta.url)}`, import.meta.url);
    const execArgv = nodeFlags(import.meta.url);
    try {
      this.#worker = new Worker(script, { workerData, transferList: [port2], execArgv, resourceLimits: limits });
    } catch (error) {
      port1.close();
      throw error;
    }
    // That it died is seen where its answer is waited for.
    this.#worker.on('error', () => {});
    this.#worker.unref();
    port1.unref();
  }

  get isReady(): boolean {
    return Atomics.load(this.#words, WORD.state) === STATE.ready;
  }

  get isBusy(): boolean {
    return this.#given > this.#answered;
  }

  get hasRoom(): boolean {
    return this.isReady && this.#given - this.#answered < BATCHES_MAX;
  }

  give(batch: Batch): void {
    this.#given++;
    this.#post(batch);
  }

  /** Its next answer, if it has one. */
  take(): Answer | undefined {
    const message = receiveMessageOnPort(this.#port)?.message as Answer | undefined;
    if (message !== undefined) this.#answered++;
    return message;
  }

  /** Asked of the kernel: what a thread that ran out of memory says comes by the event loop, which does not turn here. */
  get isDead(): boolean {
    const id = Atomics.load(this.#words, WORD.thread);
    return id !== 0 && !existsSync(`/proc/self/task/${id}`);
  }

  /** Lets it end. One that has not answered so far is not waited for. */
  end(): void {
    if (this.isReady && !this.isBusy) this.#post('end');
    else void this.#worker.terminate();
  }

  #post(message: Batch | 'end'): void {
    this.#port.postMessage(message);
    Atomics.add(this.#words, WORD.posted, 1);
    Atomics.notify(this.#words, WORD.posted);
  }
}
