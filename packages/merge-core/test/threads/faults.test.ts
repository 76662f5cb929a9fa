/** What goes wrong in a thread goes wrong in the merge: it rolls back, and nothing is left. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  compareTrees,
  file,
  mountTmpfs,
  snapshotTree,
  sparseFile,
  temporaryDirectory,
  thrown,
  unmount,
  writeTree,
} from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { linuxPort } from '@emplace/fsprobe';
import { ascii, type Bytes, close, prlimit, RLIMIT_NOFILE, SyscallError } from '@emplace/syscalls';
import { expect } from '@jest/globals';
import { MergeError } from '../../src/errors.ts';
import { OpenDirectories } from '../../src/open-directories.ts';
import { Climber } from '../../src/strategy/climb.ts';
import { contentBuffer } from '../../src/strategy/content.ts';
import { builtIn } from '../../src/strategy/select.ts';
import { newPage, type Slot } from '../../src/supervise/page.ts';
import type { Setup } from '../../src/threads/setup.ts';
import { SharedWork } from '../../src/threads/shared-work.ts';
import { Threads } from '../../src/threads/threads.ts';
import { balance, expectBalanced, forced, mergeBy, requestOf, threadsEnded } from './merging.ts';

const NAMES = Array.from({ length: 40 }, (_, i) => `f${String(i).padStart(2, '0')}`);
/** Programs: what is kept of one is a link. */
const tree = (content: string) => NAMES.map((name) => file(name, `${content} ${name}`, { mode: 0o755 }));
const choice = { strategy: 'auto', links: true, keepImage: false } as const;

/** Work on an image by so many threads. */
function workOn(image: string, count: number, page?: number) {
  const fs = linuxPort();
  const top = fs.openRoot(ascii(image));
  const setup: Setup = { image: top, root: top, digests: ['md5'], lossy: [], choice, page };
  const owned = new DisposableStack();
  owned.defer(() => fs.closeDir(top));
  const directories = owned.use(new OpenDirectories(fs, top));
  const threads = owned.use(new Threads({ count, always: true }, setup));
  threads.start(10, 0);
  const climber = new Climber({ ...choice, registry: builtIn }, fs);
  const at = { fs, image: directories, root: directories, digests: setup.digests, buffer: contentBuffer(), climber };
  return {
    threads,
    work: owned.use(new SharedWork(at, threads, 'finishing')),
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function finish(work: SharedWork): void {
  for (const _ of work.finish());
}

rootTest('a call that fails in a thread leads back to the old tree (G1)', async () => {
  using work = temporaryDirectory();
  await using fuse = await mountFuse(work.at('fuse'));
  const root = `${fuse.path}/root`;
  mkdirSync(root);
  writeTree(work.make('image'), tree('new'));
  writeTree(root, tree('old'));
  const before = balance();
  const old = snapshotTree(root);
  for (const operation of ['CREATE', 'WRITE', 'SETATTR', 'LINK'] as const) {
    await fuse.rules([{ operation, path: 'f07', answer: 'EIO' }]);
    const error = thrown(MergeError, () => mergeBy(requestOf(work, true, { root, strategy: 'copy' })));
    expect(error).toMatchObject({ code: 'STAGE_FAILED', outcome: 'rolled-back' });
    await fuse.rules([]);
    expect(compareTrees(old, snapshotTree(root), { ignore: { directoryMtimes: true } })).toEqual([]);
  }
  await expectBalanced(before);
});

rootTest('a disk that is full for one thread leads back to the old tree (G1)', () => {
  using work = temporaryDirectory();
  // Twice as large as it looked when it was planned: what fills it meanwhile is somebody else.
  mountTmpfs(work.at('disk'), 'mode=0755,size=4m');
  try {
    const root = `${work.at('disk')}/root`;
    mkdirSync(root);
    writeTree(root, tree('old'));
    const old = snapshotTree(root);
    writeTree(
      work.make('image'),
      NAMES.map((name) => file(name, Buffer.alloc(32 * 1024, name))),
    );
    const request = requestOf(work, true, { root, strategy: 'copy' });
    const emit: typeof request.emit = (event) => {
      if (event.type === 'phase' && event.phase === 'stage')
        writeFileSync(work.at('disk/filler'), Buffer.alloc(3 * 1024 * 1024));
    };
    expect(thrown(MergeError, () => mergeBy({ ...request, emit }))).toMatchObject({
      outcome: 'rolled-back',
      message: expect.stringContaining('ENOSPC') as unknown,
    });
    expect(compareTrees(old, snapshotTree(root), { ignore: { directoryMtimes: true } })).toEqual([]);
  } finally {
    unmount(work.at('disk'));
  }
});

rootTest('of what fails in several threads the first is told, by the order of the tasks', () => {
  using place = temporaryDirectory();
  writeTree(place.make('image'), tree('new'));
  using shared = workOn(place.at('image'), 3);
  const done: string[] = [];
  for (let number = 0; number < 400; number++) {
    // Every name above 99 is missing: each thread meets some of them.
    const name = ascii(number < 100 ? (NAMES[number % NAMES.length] as string) : `missing-${number}`);
    try {
      shared.work.share('read', { directory: '' as Bytes, name, isFile: true }, 0, () => done.push(name));
    } catch (error) {
      expect(String(error)).toContain('missing-100');
      expect(done).toHaveLength(100);
      return;
    }
  }
  expect(String(thrown(Error, () => finish(shared.work)))).toContain('missing-100');
});

rootTest('a thread that dies is an error of what it was at, and nobody waits for it', () => {
  using place = temporaryDirectory();
  const size = 2 ** 33;
  writeTree(place.make('image'), [sparseFile('a', size, []), sparseFile('b', size, [])]);
  using shared = workOn(place.at('image'), 2);
  for (const name of ['a', 'b'])
    shared.work.share('read', { directory: '' as Bytes, name: ascii(name), isFile: true }, 0, () => {});
  const steps = shared.work.finish();
  expect(shared.threads.ready).toHaveLength(1);
  expect(steps.next().done).toBe(false);
  shared.threads[Symbol.dispose]();
  expect(
    thrown(SyscallError, () => {
      while (!steps.next().done);
    }),
  ).toMatchObject({ code: 'ENOMEM' });
});

rootTest('the call in which a thread died is no call that does not return: nobody waits for it (G10)', async () => {
  using place = temporaryDirectory();
  const { page, fd } = newPage();
  using owned = new DisposableStack();
  owned.use(page);
  owned.adopt(fd, close);
  const slot = page.slots[1] as Slot;
  writeTree(place.make('image'), [sparseFile('a', 2 ** 33, []), sparseFile('b', 2 ** 33, [])]);
  const before = balance();
  using shared = workOn(place.at('image'), 2, fd);
  for (const name of ['a', 'b'])
    shared.work.share('read', { directory: '' as Bytes, name: ascii(name), isFile: true }, 0, () => {});
  const steps = shared.work.finish();
  expect(steps.next().done).toBe(false);
  shared.threads[Symbol.dispose]();
  await threadsEnded(before);
  // As if it had been in the middle of one.
  slot.enter(1, 0, ascii('a'), 0, ascii(''));
  thrown(SyscallError, () => {
    while (!steps.next().done);
  });
  expect(slot.read()).toMatchObject({ call: 0 });
});

rootTest('threads that a limit of processes refuses are not missed', () => {
  const script = fileURLToPath(new URL('./few-threads-script.ts', import.meta.url));
  const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', script];
  expect(execFileSync(process.execPath, node, { encoding: 'utf8', timeout: 120_000 })).toBe(
    'ERR_WORKER_INIT_FAILED 0\n',
  );
});

rootTest('a process that may have few descriptors has no threads that use them up', () => {
  const setup: Setup = { image: undefined, root: 0 as never, digests: [], lossy: [], choice, page: undefined };
  const { soft, hard } = prlimit(0, RLIMIT_NOFILE);
  const { threads: before } = balance();
  using threads = new Threads(forced, setup);
  prlimit(0, RLIMIT_NOFILE, { soft: 160, hard });
  try {
    threads.start(10, 0);
  } finally {
    prlimit(0, RLIMIT_NOFILE, { soft, hard });
  }
  expect(threads.ready).toEqual([]);
  expect(balance().threads).toBeLessThanOrEqual(before);
});

rootTest('threads that cannot start are not missed', () => {
  using place = temporaryDirectory();
  writeTree(place.make('image'), tree('new'));
  const setup: Setup = { image: undefined, root: 1_000_000 as never, digests: [], lossy: [], choice, page: undefined };
  using threads = new Threads(forced, setup);
  threads.start(10, 0);
  expect(threads.ready).toEqual([]);
});
