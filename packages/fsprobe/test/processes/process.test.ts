import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  openSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { temporaryDirectory } from '@emplace/fixtures';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { SyscallError, toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { visitMappedFiles } from '../../src/processes/mapped-files.ts';
import { readMappings, readMaps } from '../../src/processes/mappings.ts';
import { listPids, openProc, type Proc } from '../../src/processes/proc.ts';
import { openLeader, openProcess, readDescriptors, readExe, readState } from '../../src/processes/process.ts';
import { attempt, type Held, isUnread, type Unread } from '../../src/processes/read.ts';
import { CAT, LEAVES_A_ZOMBIE, startWaiting } from './children.ts';

function heldFile(path: string | Buffer): Held {
  const { dev, ino, nlink } = statSync(path, { bigint: true });
  return { dev: Number(dev), ino, nlink: Number(nlink) };
}

function readable<T extends object>(value: T | Unread): T {
  if (isUnread(value)) throw new Error(`not to be read: ${value.unread}`);
  return value;
}

/** Looks again until the kernel has got there. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setImmediate();
}

const stateOf = (proc: Proc, pid: number) => {
  using process = openProcess(proc, pid);
  const state = readState(process.fd);
  if (isUnread(state)) throw new SyscallError(state.unread, 'read');
  return state;
};

rootTest('a process shows what it runs, has mapped and has open, whatever bytes the path is of', async () => {
  using place = temporaryDirectory();
  const odd = Buffer.concat([
    Buffer.from(`${place.path}/a\nb \\012 \x1b[31m`),
    Buffer.of(0xff),
    Buffer.from(' (deleted)'),
  ]);
  writeFileSync(place.at('data'), '');
  copyFileSync(CAT, place.at('program'));
  const data = openSync(place.at('data'), 'r');
  await using cat = await startWaiting(place.at('program'), [], { stdio: ['pipe', 'pipe', 'inherit', data] });
  closeSync(data);
  unlinkSync(place.at('data'));
  // Node cannot start what is not named in UTF-8.
  renameSync(place.at('program'), odd);

  using proc = openProc();
  using process = openProcess(proc, cat.pid);
  const expected = { shown: toBytes(odd), file: heldFile(odd) };
  expect(readExe(process)).toEqual(expected);
  const own = readable(readMappings(process)).filter(({ link }) => link.shown === expected.shown);
  expect(own.filter(({ executable }) => executable)).toHaveLength(1);
  for (const { link, text } of own) {
    expect({ link, text }).toEqual({ link: expected, text: expected.shown.replaceAll('\n', '\\012') });
  }
  expect(readable(readDescriptors(process)).get(3)).toMatchObject({
    shown: toBytes(`${place.at('data')} (deleted)`),
    file: { nlink: 0 },
  });
  const state = { command: 'program', state: 'S', kernelThread: false, threads: 1 };
  expect(readable(readState(process.fd))).toMatchObject(state);
});

test('a process that ended is not there, and never taken for a later one of its number', async () => {
  using proc = openProc();
  const cat = await startWaiting('cat');
  using process = openProcess(proc, cat.pid);
  await cat.finish();
  const gone = { unread: expect.stringMatching(/^(?:ENOENT|ESRCH)$/) };
  expect(readExe(process)).toEqual({ shown: gone, file: gone });
  expect(readMappings(process)).toEqual(gone);
  expect(readDescriptors(process)).toEqual(gone);
  expect(readState(process.fd)).toEqual(gone);
  expect(() => openProcess(proc, cat.pid)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test('a zombie has nothing to show', async () => {
  using proc = openProc();
  await using parent = await startWaiting('sh', ['-c', LEAVES_A_ZOMBIE]);
  const pid = Number(parent.said);
  await until(() => stateOf(proc, pid).state === 'Z');
  using process = openProcess(proc, pid);
  expect(readExe(process).file).toEqual({ unread: 'ENOENT' });
  expect(readMappings(process)).toEqual([]);
});

/** PROC_PID_INIT_INO: others have no kernel threads. */
const seesKernelThreads = readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]';
const kernelTest = seesKernelThreads ? rootTest : test.skip;

kernelTest('a kernel thread is told from a process without a program', () => {
  using proc = openProc();
  const kernelThreads = listPids(proc).filter((pid) => {
    // What is listed may be gone by now.
    const state = attempt(() => stateOf(proc, pid));
    return !isUnread(state) && state.kernelThread;
  });
  expect(kernelThreads).not.toEqual([]);
  for (const pid of kernelThreads.slice(0, 3)) {
    using process = openProcess(proc, pid);
    expect(readExe(process).shown).toEqual({ unread: 'ENOENT' });
  }
});

/** Its first thread ends; the other answers a line, and waits for the end of its input. */
const LEADERLESS = `
#include <pthread.h>
#include <unistd.h>
static void *wait_on(void *arg) {
  char c;
  while (read(0, &c, 1) == 1) if (write(1, &c, 1) != 1) break;
  _exit(0);
}
int main(void) {
  pthread_t thread;
  pthread_create(&thread, 0, wait_on, 0);
  pthread_exit(0);
}
`;

testWith(
  { root: true, tools: ['gcc'] },
  'a process whose first thread has ended shows what the others run',
  async () => {
    using place = temporaryDirectory();
    writeFileSync(place.at('main.c'), LEADERLESS);
    execFileSync('gcc', ['-pthread', '-o', place.at('leaderless'), place.at('main.c')]);
    await using program = await startWaiting(place.at('leaderless'));
    using proc = openProc();
    await until(() => {
      using leader = openLeader(proc, program.pid);
      return readable(readState(leader.fd)).state === 'Z';
    });
    using process = openProcess(proc, program.pid);
    expect(readExe(process)).toEqual({ shown: place.at('leaderless'), file: heldFile(place.at('leaderless')) });
    expect(readable(readMappings(process)).filter(({ text }) => text === place.at('leaderless'))).not.toEqual([]);
  },
);

test('mapped files are visited as the text of maps has them', async () => {
  await using cat = await startWaiting(CAT);
  using proc = openProc();
  using process = openProcess(proc, cat.pid);
  const lines = readable(readMaps(process));
  const brief = (which: 'code' | 'all'): string[] => {
    const found: string[] = [];
    visitMappedFiles(process, which, (file) => found.push(`${file.link()} ${file.counted.ino} ${file.shown}`));
    return found;
  };
  const expected = lines.map(({ range, inode, text }) => `map_files/${range} ${inode.split(' ')[1]} ${text}`);
  expect(brief('all')).toEqual(expected);
  expect(brief('code')).toEqual(expected.filter((_, i) => lines[i]?.executable));
});
