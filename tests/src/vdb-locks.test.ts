/** Emplace and Portage keep each other out of the package database: Portage's part is played by Python's lockf. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { testWith } from '@emplace/fixtures/jest';
import { linuxPort, lockSlot, lockVdb, MergeError, Vdb, type VdbLock } from '@emplace/merge-core';
import { ascii, toBytes } from '@emplace/syscalls';
import { expect } from '@jest/globals';

const fs = linuxPort();
const LOCK = 'root/var/db/.pkg.portage_lockfile';

/** Locks as Portage does, says so (and before, when it has to wait), and holds it until its standard input ends. */
const HOLD = `
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR, 0o660)
try:
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    if sys.argv[2] == 'try':
        raise
    print('refused', flush=True)
    fcntl.lockf(fd, fcntl.LOCK_EX)
print('locked', flush=True)
sys.stdin.read()
`;

function lockTest(name: string, body: () => Promise<void>): void {
  testWith({ tools: ['python3'] }, name, body);
}

class Root implements Disposable {
  readonly #work: TemporaryDirectory = temporaryDirectory();
  readonly #root = fs.openRoot(toBytes(this.#work.make('root')));
  readonly vdb: Vdb = new Vdb(this.#root, ascii('var/db/pkg'), fs);
  readonly lockFile: string = this.#work.at(LOCK);

  constructor() {
    this.#work.make('root/var/db/pkg/a');
  }

  /** The message of the refusal; undefined when the lock could be taken. */
  refusal(lock: () => VdbLock = () => lockVdb(this.vdb)): string | undefined {
    try {
      lock()[Symbol.dispose]();
      return undefined;
    } catch (error) {
      if (error instanceof MergeError && error.code === 'LOCKED') return error.message;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.vdb[Symbol.dispose]();
    fs.closeDir(this.#root);
    this.#work[Symbol.dispose]();
  }
}

/** A process that holds a lock, or waits for one: gone at the end of the block, however that comes. */
class Holder implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #words: AsyncIterator<string> | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = once(child, 'exit');
    this.#words = child.stdout ? createInterface({ input: child.stdout })[Symbol.asyncIterator]() : undefined;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The next thing that it says. */
  async says(): Promise<string> {
    return (await this.#words?.next())?.value;
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}

function lockf(lockFile: string): Holder {
  return new Holder(spawn('python3', ['-c', HOLD, lockFile, 'wait'], { stdio: ['pipe', 'pipe', 'inherit'] }));
}

/** Whether lockf refuses at once. */
function isRefused(lockFile: string): boolean {
  const { status, stderr } = spawnSync('python3', ['-c', HOLD, lockFile, 'try'], { input: '', encoding: 'utf8' });
  if (status !== 0 && !stderr.includes('BlockingIOError')) throw new Error(stderr);
  return status !== 0;
}

lockTest('what lockf holds is refused, with the process that holds it, until it lets go (J.3)', async () => {
  using root = new Root();
  await using holder = lockf(root.lockFile);
  expect(await holder.says()).toBe('locked');
  const [what, who] = root.refusal()?.split(' (') ?? [];
  expect(what).toBe(`\`var/db/.pkg.portage_lockfile\` is locked by process ${holder.pid}`);
  expect(who).toMatch(/python3 -c /);
  await holder.end();
  expect(root.refusal()).toBeUndefined();
  // It was not ours to remove.
  expect(existsSync(root.lockFile)).toBe(true);
});

lockTest('a holder that is killed holds nothing any more (J.3)', async () => {
  using root = new Root();
  const holder = lockf(root.lockFile);
  expect(await holder.says()).toBe('locked');
  await holder[Symbol.asyncDispose]();
  expect(root.refusal()).toBeUndefined();
});

lockTest('what Emplace holds is refused to lockf; a slot’s lock is apart from the database’s (J.3)', async () => {
  using root = new Root();
  const lock = (): VdbLock => lockSlot(root.vdb, ascii('a'), ascii('b'), '0');
  using slot = lock();
  expect(isRefused(root.lockFile)).toBe(false);
  using _lock = lockVdb(root.vdb);
  expect(isRefused(root.lockFile)).toBe(true);
  expect(isRefused(root.lockFile.replace('var/db/.pkg', 'var/db/pkg/a/.b:0'))).toBe(true);
  expect(root.refusal(lock)).toBe(`\`${slot.path}\` is locked by another program`);
});

lockTest('who waits in lockf gets it when Emplace gives it back (J.3)', async () => {
  using root = new Root();
  const lock = lockVdb(root.vdb);
  await using waiting = lockf(root.lockFile);
  expect(await waiting.says()).toBe('refused');
  lock[Symbol.dispose]();
  expect(await waiting.says()).toBe('locked');
});

lockTest('a process that inherits the lock holds it when Emplace has ended (J.3)', async () => {
  using root = new Root();
  const lock = lockVdb(root.vdb);
  const cat = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit', lock.file] });
  await using heir = new Holder(cat);
  await once(cat, 'spawn');
  // As when it is killed: its own descriptor is gone, and the file's name stays.
  fs.closeFile(lock.file);
  expect([isRefused(root.lockFile), root.refusal()]).toEqual([true, expect.stringMatching('another program')]);
  await heir.end();
  expect([isRefused(root.lockFile), root.refusal()]).toEqual([false, undefined]);
});
