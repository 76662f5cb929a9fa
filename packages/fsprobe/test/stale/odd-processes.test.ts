/** Names that mislead, processes that are not as others are, and memory that is no file. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import {
  ascii,
  close,
  memfdCreate,
  mkdirat,
  O_CLOEXEC,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  open,
  openat,
  renameat,
  toBytes,
  write,
} from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { scan } from '../../src/index.ts';
import { CAT, LEAVES_A_ZOMBIE, startWaiting, type Waiting } from '../processes/children.ts';
import { aged, classes, findings } from './zoo.ts';

const NAMES: readonly Buffer[] = [
  Buffer.from('a\nb'),
  Buffer.from('a\\012b'),
  Buffer.from('\x1b[31m\x1b]0;title\x07'),
  Buffer.of(0xff, 0xfe, 0x80, 0x20),
  Buffer.from(' (deleted)'),
  Buffer.from('x (deleted) (deleted)'),
  Buffer.from('memfd:x'),
  Buffer.from('SYSV00000000 (deleted)'),
];

const GCC = { root: true, tools: ['gcc'] };

function compile(place: TemporaryDirectory, ...flags: string[]): string {
  const source = fileURLToPath(new URL('programs.c', import.meta.url));
  execFileSync('gcc', ['-Wall', '-pthread', ...flags, '-o', place.at('program'), source]);
  return place.at('program');
}

rootTest('names of any bytes are shown as they are, and never taken for what they look like', async () => {
  using place = temporaryDirectory();
  await using all = new AsyncDisposableStack();
  const running: { name: Buffer; program: Waiting }[] = [];
  const pathOf = (name: Buffer): Buffer => Buffer.concat([Buffer.from(`${place.path}/`), name]);
  for (const name of NAMES) {
    copyFileSync(CAT, place.at('program'));
    const program = all.use(await startWaiting(place.at('program')));
    // Node cannot start what is not named in UTF-8.
    renameSync(place.at('program'), pathOf(name));
    running.push({ name, program });
  }
  for (const { program } of running) expect(classes(program)).toEqual([]);

  // Of the two that maps cannot tell apart, one is replaced.
  copyFileSync(CAT, place.at('new'));
  renameSync(place.at('new'), pathOf(NAMES[0] as Buffer));
  expect(running.map(({ program }) => classes(program).length)).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);

  for (const { name, program } of running) {
    copyFileSync(CAT, place.at('new'));
    renameSync(place.at('new'), pathOf(name));
    expect(findings(program)).toMatchObject([
      {
        class: 'replaced-executable',
        shown: `${toBytes(pathOf(name))} (deleted)`,
        path: toBytes(pathOf(name)),
        presentFile: { ino: statSync(pathOf(name), { bigint: true }).ino },
      },
    ]);
  }
});

rootTest('a program is found whose path is longer than a path may be', async () => {
  using place = temporaryDirectory();
  const name = ascii('d'.repeat(250));
  let at = open(toBytes(place.path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (let depth = 0; depth < 20; depth++) {
    mkdirat(at, name, 0o755);
    const next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(at);
    at = next;
  }
  const here = `/proc/${process.pid}/fd/${at}`;
  copyFileSync(CAT, `${here}/program`);
  await using program = await startWaiting(`${here}/program`);
  expect(() => readlinkSync(`/proc/${program.pid}/exe`)).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
  expect(classes(program)).toEqual([]);
  copyFileSync(CAT, `${here}/new`);
  renameat(at, ascii('new'), at, ascii('program'));
  close(at);
  const path = `${place.path}${`/${name}`.repeat(20)}/program`;
  expect(findings(program)).toMatchObject([
    { class: 'replaced-executable', held: 'exe', path, shown: `${path} (deleted)` },
  ]);
});

testWith(GCC, 'a process whose first thread has ended is looked at by another', async () => {
  using place = temporaryDirectory();
  const path = compile(place);
  await using program = await startWaiting(path, ['leaderless']);
  while (!/\) Z /.test(readFileSync(`/proc/${program.pid}/stat`, 'latin1'))) await setImmediate();
  expect(classes(program)).toEqual([]);
  unlinkSync(path);
  expect(classes(program)).toEqual(['deleted exe']);
});

rootTest('a program that is in memory alone is found, and one that was never given a name', async () => {
  using place = temporaryDirectory();
  const memory = memfdCreate('it');
  const nameless = open(toBytes(place.path), O_TMPFILE | O_RDWR | O_CLOEXEC, 0o755);
  for (const fd of [memory, nameless]) {
    for (let content: Buffer = readFileSync(CAT); content.length > 0; ) content = content.subarray(write(fd, content));
  }
  // What is open for writing cannot be started.
  const [memoryToRead, namelessToRead] = [memory, nameless].map((fd) => {
    const reader = openSync(`/proc/self/fd/${fd}`, 'r');
    close(fd);
    return reader;
  });
  for (const fd of [memoryToRead as number, namelessToRead as number]) {
    await using program = await startWaiting(`/proc/${process.pid}/fd/${fd}`);
    expect(findings(program)).toMatchObject([{ class: 'fileless', confidence: 'high', held: 'exe', path: undefined }]);
    closeSync(fd);
  }
});

testWith(GCC, 'memory of run-times and of the kernel is no stale code', async () => {
  using place = temporaryDirectory();
  await using program = await startWaiting(compile(place), ['just-in-time']);
  expect(classes(program)).toEqual([]);
  const benign = findings(program, { benign: true }).toSorted((a, b) => (a.shown < b.shown ? -1 : 1));
  expect(new Set(benign.map((one) => one.class))).toEqual(new Set(['benign']));
  const names = [/^\/SYSV\w+ /, /^\/dev\/zero /, /^\/memfd:jit /, /^\/tmp\/ffi\w+ /];
  expect(benign.map(({ shown }) => shown)).toEqual(names.map((name) => expect.stringMatching(name)));
});

rootTest('data that a process holds are looked at only when they are asked for', async () => {
  using place = temporaryDirectory();
  for (const name of ['log', 'log.new', 'removed', 'kept']) closeSync(openSync(place.at(name), 'w'));
  const [log, removed, kept] = ['log', 'removed', 'kept'].map((name) => openSync(place.at(name), 'r'));
  await using cat = await startWaiting('cat', [], {
    stdio: ['pipe', 'pipe', 'inherit', log as number, removed as number, kept as number],
  });
  for (const fd of [log, removed, kept]) closeSync(fd as number);
  renameSync(place.at('log.new'), place.at('log'));
  unlinkSync(place.at('removed'));
  expect(classes(cat)).toEqual([]);
  expect(classes(cat, { descriptors: true })).toEqual(['replaced-descriptor descriptor']);
  expect(classes(cat, { descriptors: true, benign: true })).toContain('benign descriptor');
});

rootTest('a working directory that is gone is found, and not one that is called so', async () => {
  using place = temporaryDirectory();
  for (const name of ['gone', 'there (deleted)']) mkdirSync(place.at(name));
  await using inGone = await startWaiting('cat', [], { cwd: place.at('gone') });
  await using inThere = await startWaiting('cat', [], { cwd: place.at('there (deleted)') });
  rmdirSync(place.at('gone'));
  expect(findings(inGone)).toMatchObject([{ class: 'deleted-directory', held: 'cwd', path: place.at('gone') }]);
  mkdirSync(place.at('gone'));
  expect(classes(inGone)).toEqual(['deleted-directory cwd']);
  expect(classes(inThere)).toEqual([]);
});

rootTest('what is taken out of a given directory leaks its path', async () => {
  using place = temporaryDirectory();
  const image = place.make('my/image');
  copyFileSync(CAT, place.at('program'));
  mkdirSync(`${image}${place.path}`, { recursive: true });
  await using program = await startWaiting(place.at('program'));
  await aged();
  renameSync(place.at('program'), `${image}${place.path}/program`);
  copyFileSync(CAT, place.at('program'));
  const found = { class: 'image-path', confidence: 'high', leaks: true, path: place.at('program') };
  expect(findings(program, { imageDirectories: [image] })).toMatchObject([found]);
});

rootTest('zombies and processes that are gone are counted, and nothing is found of them', async () => {
  await using parent = await startWaiting('sh', ['-c', LEAVES_A_ZOMBIE]);
  const zombie = Number(parent.said);
  while (!/\) Z /.test(readFileSync(`/proc/${zombie}/stat`, 'latin1'))) await setImmediate();
  const ended = await startWaiting('cat');
  await ended.finish();
  const { processes, counts } = scan({ pids: [zombie, ended.pid, parent.pid], owners: [] });
  expect({ processes, counts }).toEqual({
    processes: [],
    counts: { processes: 2, unread: 0, hidden: false, gone: 1, kernelThreads: 0, unreadDatabases: 0 },
  });
});

test('processes may end while they are looked at', async () => {
  using place = temporaryDirectory();
  copyFileSync(CAT, place.at('program'));
  for (let round = 0; round < 5; round++) {
    const all = await Promise.all(Array.from({ length: 10 }, () => startWaiting(place.at('program'))));
    const ended = Promise.all(all.map((one) => one.finish()));
    for (let look = 0; look < 10; look++) {
      const { processes } = scan({ pids: all.map(({ pid }) => pid), owners: [] });
      expect(processes).toEqual([]);
      await setImmediate();
    }
    await ended;
  }
});

testWith(
  GCC,
  'a process that executes another program meanwhile is not taken for one whose program was replaced',
  async () => {
    using place = temporaryDirectory();
    const path = compile(place);
    for (let digit = 0; digit < 10; digit++) copyFileSync(path, place.at(`program${digit}`));
    await using program = await startWaiting(place.at('program0'), ['restless']);
    const found = Array.from({ length: 3000 }, () => scan({ pids: [program.pid], owners: [] }).processes).flat();
    expect(found).toEqual([]);
  },
);

testWith(GCC, 'of a process with too many findings the rest is said to be unread', async () => {
  using place = temporaryDirectory();
  await using program = await startWaiting(compile(place), ['hoard', '5000'], { cwd: place.path });
  const { processes, counts } = scan({ pids: [program.pid], owners: [] });
  expect(processes[0]?.findings).toHaveLength(4000);
  expect(counts).toMatchObject({ processes: 1, unread: 1 });
});
