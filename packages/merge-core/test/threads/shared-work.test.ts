/** How work is spread over threads that answer when they like. */
import { ascii, type Bytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { SharedWork } from '../../src/threads/shared-work.ts';
import type { Workplace } from '../../src/threads/tasks.ts';
import type { Answer, Batch } from '../../src/threads/thread.ts';
import type { Threads } from '../../src/threads/threads.ts';

/** A thread that takes two batches, and whose answers are there from the n-th look on, one more with each. */
function slowThread(looks: number) {
  const given: Batch[] = [];
  const answered = (batch: Batch): Answer => ({
    results: batch.tasks.map((task) => ({ digests: { md5: (task as { name: Bytes }).name } })),
  });
  let looked = 0;
  return {
    number: 1,
    isDead: false,
    isReady: true,
    get hasRoom() {
      return given.length < 2;
    },
    give: (batch: Batch) => void given.push(batch),
    take: (): Answer | undefined => {
      const batch = ++looked < looks ? undefined : given.shift();
      return batch && answered(batch);
    },
  };
}

/** The bell rings all the time. */
function threadsOf(thread: ReturnType<typeof slowThread>): Threads {
  let rung = 0;
  const threads = {
    ready: [thread],
    wait: () => {},
    get rung() {
      return ++rung;
    },
  };
  return threads as unknown as Threads;
}

test.each([1, 2, 3, 4, 5, 6, 7])(
  'an answer that comes while others are heard, at look %i, is of its own tasks',
  (looks) => {
    const threads = threadsOf(slowThread(looks));
    using work = new SharedWork({} as Workplace, threads, 'finishing');
    const heard = new Map<string, string | undefined>();
    for (let number = 0; number < 128; number++) {
      const name = ascii(`${number}`);
      work.share('read', { directory: '' as Bytes, name, isFile: true }, 0, ({ digests }) => {
        heard.set(name, digests?.md5);
      });
    }
    for (const _ of work.finish());
    expect(heard.size).toBe(128);
    expect([...heard].filter(([name, told]) => name !== told)).toEqual([]);
  },
);
