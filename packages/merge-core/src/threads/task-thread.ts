/**
 * A thread that does tasks of a merge with synchronous calls only, as its main thread does. Everything is loaded and bound before
 * it says that it is ready, for a merge may replace the very files that this runs from.
 *
 *   new Worker(task-thread.ts, { workerData: ThreadData }); it ends when it is told so
 */
import { readlinkSync } from 'node:fs';
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type FsPort, linuxPort } from '@emplace/fsprobe';
import { lenient } from '../fs/lenient.ts';
import { OpenDirectories } from '../open-directories.ts';
import { Climber } from '../strategy/climb.ts';
import { contentBuffer } from '../strategy/content.ts';
import { builtIn } from '../strategy/select.ts';
import { Page } from '../supervise/page.ts';
import { published } from '../supervise/published.ts';
import { stoppingBefore } from '../supervise/stopping-before.ts';
import { plainFailure } from './failure.ts';
import { perform, type Tasks, type Workplace } from './tasks.ts';
import { type Answer, type Batch, STATE, type ThreadData, WORD } from './thread.ts';

const { setup, number, port, words, bell } = workerData as ThreadData;
Atomics.store(words, WORD.thread, Number(readlinkSync('/proc/thread-self').split('/').at(-1)));
using page = setup.page === undefined ? undefined : new Page(setup.page);
const slot = page?.slots[number];
const linux = linuxPort();
let isStoppable = false;
const isToStop = (): boolean => isStoppable && page?.main.stopAsked === true;
const betweenPieces = {
  copyRange: stoppingBefore(linux.copyRange, isToStop),
  read: stoppingBefore(linux.read, isToStop),
};
const stopping = Object.assign(Object.create(linux) as FsPort, betweenPieces);
const fs: FsPort = lenient(slot === undefined ? stopping : published(stopping, slot), setup.lossy);
const buffer = contentBuffer();
const choice = { ...setup.choice, registry: builtIn };
// The first call binds all of them. Not on the page: a thread that is not waited for any more may be ended in it.
linux.statHandle(setup.root as never);

Atomics.store(words, WORD.state, STATE.ready);
ring();
for (let taken = 0; ; taken++) {
  while (Atomics.load(words, WORD.posted) === taken) Atomics.wait(words, WORD.posted, taken);
  const message = receiveMessageOnPort(port)?.message as Batch | 'end' | undefined;
  if (message === undefined || message === 'end') break;
  port.postMessage(doBatch(message));
  ring();
}
port.close();

/** Directories are opened anew for each batch: in between nothing is held, and what was renamed is not mistaken for what it was. */
function doBatch({ names, tasks, point }: Batch): Answer {
  isStoppable = point === 'stoppable';
  using image = setup.image === undefined ? undefined : new OpenDirectories(fs, setup.image);
  using root = new OpenDirectories(fs, setup.root);
  const at: Workplace = { fs, image, root, digests: setup.digests, buffer, climber: new Climber(choice, fs) };
  const results: Tasks[keyof Tasks]['result'][] = [];
  try {
    for (const [index, name] of names.entries()) results.push(perform(name, tasks[index] as never, at));
    return { results };
  } catch (error) {
    return { results, failure: plainFailure(error) };
  }
}

function ring(): void {
  Atomics.add(bell, 0, 1);
  Atomics.notify(bell, 0);
}
