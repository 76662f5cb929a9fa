import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { runInNamespace, temporaryDirectory } from '@emplace/fixtures';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { settle, writersOf } from '../../src/index.ts';
import { startWaiting, type Waiting } from '../processes/children.ts';

const script = new URL('./no-lease-script.ts', import.meta.url);

/** The shell has its file open for writing and forks. It closes the file; its child, which never execs, does not. */
const FORKS = 'exec 3>>"$0" 4<&0; read line; { read line <&4; } & exec 3>&-; echo $!; wait';

/** A process that has `path` open as descriptor 3. */
async function holdOpen(path: string, flags: 'r' | 'a' | 'r+'): Promise<Waiting> {
  const fd = openSync(path, flags);
  try {
    return await startWaiting('cat', [], { stdio: ['pipe', 'pipe', 'inherit', fd] });
  } finally {
    closeSync(fd);
  }
}

function fileIn(place: { at(name: string): string }): string {
  const path = place.at('pro gram\n (deleted)');
  writeFileSync(path, 'text');
  return path;
}

test('a file has writers as long as another process has it open for writing', async () => {
  using place = temporaryDirectory();
  const path = fileIn(place);
  await using _reader = await holdOpen(path, 'r');
  expect(writersOf(toBytes(path))).toBe('none');
  for (const flags of ['a', 'r+'] as const) {
    await using writer = await holdOpen(path, flags);
    expect(writersOf(toBytes(path))).toBe('some');
    await writer.finish();
    expect(writersOf(toBytes(path))).toBe('none');
  }
});

test('asking leaves neither a lease nor a descriptor behind', () => {
  using place = temporaryDirectory();
  const path = fileIn(place);
  const descriptors = readdirSync('/proc/self/fd').length;
  expect(writersOf(toBytes(path))).toBe('none');
  // With a lease on it this would be EAGAIN.
  closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  const fd = openSync(path, 'a');
  expect(writersOf(toBytes(path))).toBe('some');
  closeSync(fd);
  expect(readdirSync('/proc/self/fd')).toHaveLength(descriptors);
});

test('what is no regular file has no answer, what is not there is an error', () => {
  using place = temporaryDirectory();
  symlinkSync(fileIn(place), place.at('link'));
  expect(writersOf(toBytes(place.at('link')))).toEqual({ unknown: 'EINVAL' });
  expect(writersOf(toBytes(place.path))).toEqual({ unknown: 'EINVAL' });
  expect(() => writersOf(toBytes(place.at('missing')))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test('a file settles when the last writer is gone, a child that inherited the descriptor included', async () => {
  using place = temporaryDirectory();
  const path = fileIn(place);
  await using shell = await startWaiting('sh', ['-c', FORKS, path]);
  const busy = await settle(toBytes(path), 0);
  expect(busy).toMatchObject({ state: 'busy', by: 'lease', writers: [{ pid: Number(shell.said), how: 'open' }] });
  const settled = settle(toBytes(path), 60_000);
  await shell.finish();
  expect(await settled).toEqual({ state: 'settled', by: 'lease' });
});

test('waiting ends when the caller says so', async () => {
  using place = temporaryDirectory();
  const path = fileIn(place);
  await using _writer = await holdOpen(path, 'a');
  const reason = new Error('enough');
  const stop = new AbortController();
  const waiting = settle(toBytes(path), 60_000, stop.signal);
  stop.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(settle(toBytes(path), 60_000, stop.signal)).rejects.toBe(reason);
});

/** Maps its file for writing, closes it, answers a line, and waits for the end of its input. */
const MAPS = `
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv) {
  char c;
  int fd = open(argv[1], O_RDWR);
  if (mmap(0, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED) return 1;
  close(fd);
  while (read(0, &c, 1) == 1) if (write(1, &c, 1) != 1) return 1;
  return 0;
}
`;

testWith(
  { root: true, tools: ['gcc'] },
  'a file that is mapped for writing has a writer without a descriptor',
  async () => {
    using place = temporaryDirectory();
    const path = fileIn(place);
    writeFileSync(place.at('main.c'), MAPS);
    execFileSync('gcc', ['-o', place.at('maps'), place.at('main.c')]);
    await using mapper = await startWaiting(place.at('maps'), [path]);
    expect(writersOf(toBytes(path))).toBe('some');
    expect(await settle(toBytes(path), 0)).toMatchObject({
      writers: [{ pid: mapper.pid, how: 'mapped', command: 'maps' }],
    });
  },
);

rootTest(
  'without a lease the writers are found among what all processes have open, or it is said that nobody knows',
  async () => {
    expect(JSON.parse(await runInNamespace(script))).toEqual({
      lease: { unknown: 'EACCES' },
      free: { state: 'settled', by: 'proc' },
      open: { state: 'busy', foundIt: true, all: 1 },
      withoutProc: { state: 'unknown', lease: 'EACCES' },
    });
  },
);
