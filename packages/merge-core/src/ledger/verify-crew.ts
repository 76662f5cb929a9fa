import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { errorFrom, type PlainError } from '../supervise/protocol.ts';
import { nodeFlags } from '../threads/node-flags.ts';
import { type UnitResult, UnitVerifier, type VerifyJob, type VerifyUnit } from './verify-work.ts';

/** What a thread is asked; without a unit it ends. */
export interface VerifyQuestion {
  readonly number: number;
  readonly unit: VerifyUnit | undefined;
}

export type VerifyAnswer =
  | { readonly say: 'ready' }
  | { readonly say: 'verified'; readonly number: number; readonly result: UnitResult }
  | { readonly say: 'failed'; readonly error: PlainError };

/** A thread has one unit before it while it is at another: this one, which gives it more, is at units too. */
const UNITS_AHEAD = 2;

/**
 * Has `units` verified by so many threads, this one among them, each taking the next one when it has none. Between two of its units
 * timers and signals run.
 * @param tell is called with each result, in any order
 * @throws what a thread threw; by then all of them have ended, or do so after the unit they are at
 */
export async function verifyByThreads(
  job: VerifyJob,
  units: readonly VerifyUnit[],
  threads: number,
  tell: (number: number, result: UnitResult) => void,
): Promise<void> {
  let next = 0;
  let failed = false;
  const runOne = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const worker = tryStart(job);
    // Where a limit of processes or memory refuses one, those that there are do the work.
    if (worker === undefined) return Promise.resolve();
    const fail = (error: unknown): void => {
      failed = true;
      reject(error);
    };
    const ask = (): void => {
      const number = next++;
      const question: VerifyQuestion = { number, unit: failed ? undefined : units[number] };
      worker.postMessage(question);
    };
    worker.on('message', (answer: VerifyAnswer) => {
      try {
        if (answer.say === 'failed') return fail(errorFrom(answer.error));
        if (answer.say === 'verified') tell(answer.number, answer.result);
      } catch (error) {
        fail(error);
      }
      for (let count = answer.say === 'ready' ? UNITS_AHEAD : 1; count > 0; count--) ask();
    });
    worker.on('error', fail);
    // After a failure this changes nothing.
    worker.on('exit', () => resolve());
    return promise;
  };
  const runHere = async (): Promise<void> => {
    try {
      using verifier = new UnitVerifier(job);
      for (let unit = units[next]; unit !== undefined && !failed; unit = units[next]) {
        const number = next++;
        tell(number, verifier.verify(unit));
        await new Promise(setImmediate);
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const ended = await Promise.allSettled([...Array.from({ length: threads - 1 }, runOne), runHere()]);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

function tryStart(job: VerifyJob): Worker | undefined {
  try {
    return new Worker(script(), { workerData: job, execArgv: nodeFlags(import.meta.url) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_INIT_FAILED') throw error;
    return undefined;
  }
}

/** Beside this file as a source, as tsc's output, and in the command line's bundle, where all outputs lie in one directory. */
function script(): URL {
  return new URL(`./verify-worker${extname(import.meta.url)}`, import.meta.url);
}
