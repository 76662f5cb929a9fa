/**
 * A thread that verifies packages: reading and digesting is most of the work.
 *
 *   new Worker(verify-worker.ts, { workerData: VerifyJob }); it asks for a VerifyUnit each time that it has nothing to do
 */
import { parentPort, workerData } from 'node:worker_threads';
import { plainError } from '../supervise/protocol.ts';
import type { VerifyAnswer, VerifyQuestion } from './verify-crew.ts';
import { UnitVerifier, type VerifyJob } from './verify-work.ts';

const port = parentPort;
if (port === null) throw new Error('bug: this is no worker thread');
const say = (answer: VerifyAnswer): void => port.postMessage(answer);

// A thread that ends closes none of its descriptors: the process has them.
const resources = new DisposableStack();
try {
  const verifier = resources.use(new UnitVerifier(workerData as VerifyJob));
  port.on('message', ({ unit, number }: VerifyQuestion) => {
    // Asked before it failed: Node delivers that after the port is closed too, and its descriptors may be others' by now.
    if (resources.disposed) return;
    try {
      if (unit !== undefined) say({ say: 'verified', number, result: verifier.verify(unit) });
      else end();
    } catch (error) {
      fail(error);
    }
  });
  say({ say: 'ready' });
} catch (error) {
  fail(error);
}

function fail(error: unknown): void {
  say({ say: 'failed', error: plainError(error) });
  end();
}

function end(): void {
  resources.dispose();
  port?.close();
}
