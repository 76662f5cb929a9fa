/** A mover that is started before it is known what for. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { file, temporaryDirectory, writeTree } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { merge, startMoverAhead } from '@emplace/merge-core';
import { expect } from '@jest/globals';

interface Ahead {
  readonly mover: NonNullable<ReturnType<typeof startMoverAhead>>;
  readonly pid: number;
}

/** @returns it, and the process that it is, which nobody took yet */
function ahead(): Ahead {
  const before = children();
  const mover = startMoverAhead();
  const pid = children().find((one) => !before.includes(one));
  if (mover === undefined || pid === undefined) throw new Error('no mover was started');
  return { mover, pid };
}

function children(): number[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim().split(' ').map(Number);
}

async function ended(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setImmediate(resolve));
}

/** Which processes worked for a merge of one file. */
async function moversOf(mover: Ahead['mover']): Promise<number[]> {
  using work = temporaryDirectory();
  writeTree(work.make('image'), [file('new', 'new')]);
  const movers: number[] = [];
  await merge({
    image: work.at('image'),
    root: work.make('root'),
    mover,
    onEvent: (event) => {
      if (event.type === 'mover') movers.push(event.pid);
    },
  });
  expect(readFileSync(work.at('root/new'), 'utf8')).toBe('new');
  return movers;
}

rootTest('it does the first merge, and another one the second', async () => {
  const { mover, pid } = ahead();
  using _ = mover;
  expect(await moversOf(mover)).toEqual([pid]);
  expect(await moversOf(mover)).not.toContain(pid);
});

rootTest('one that was killed meanwhile is replaced', async () => {
  const { mover, pid } = ahead();
  using _ = mover;
  process.kill(pid, 'SIGKILL');
  await ended(pid);
  const [first, ...others] = await moversOf(mover);
  expect({ others, isAnother: first !== undefined && first !== pid }).toEqual({ others: [], isAnother: true });
});

rootTest('one that nobody took ends when it is let go, and leaves no descriptor open', async () => {
  const before = descriptors();
  const { mover, pid } = ahead();
  mover[Symbol.dispose]();
  await ended(pid);
  while (descriptors() > before) await new Promise((resolve) => setImmediate(resolve));
});

rootTest('one that cannot be started is none, and leaves no descriptor open', async () => {
  const before = descriptors();
  const { execPath } = process;
  process.execPath = '/no/such/node';
  try {
    expect(startMoverAhead()).toBeUndefined();
  } finally {
    process.execPath = execPath;
  }
  while (descriptors() > before) await new Promise((resolve) => setImmediate(resolve));
});

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
