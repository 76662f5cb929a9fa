import { beforeCall, countCalls, failAt, Stopped, stopAfter } from '@emplace/fixtures/faults';
import type { FsPort } from '@emplace/fsprobe';
import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { memoryPort } from '../../src/fs/memory.ts';
import { errno } from './conformance.ts';

/** Five calls, of which two change something. */
function makeTwo(fs: FsPort): void {
  const dir = fs.openRoot(ascii('/'));
  fs.mkdir(dir, ascii('a'), 0o755);
  fs.mkdir(dir, ascii('b'), 0o755);
  fs.stat(dir, ascii('a'));
  fs.closeDir(dir);
}

function namesIn(fs: FsPort): string[] {
  const dir = fs.openRoot(ascii('/'));
  const names = fs.list(dir).map(({ name }) => name);
  fs.closeDir(dir);
  return names;
}

test('calls are counted, failed ones too, and the port’s other members are at hand', () => {
  const fs = countCalls(memoryPort());
  makeTwo(fs);
  expect([fs.calls, fs.changes, fs.byName.get('mkdir')]).toEqual([5, 2, 2]);
  expect(errno(() => fs.openRoot(ascii('/none')))).toBe('ENOENT');
  expect([fs.calls, fs.openHandles()]).toEqual([6, 0]);
});

test('a stop leaves exactly what was done before it, at any call', () => {
  const left = [0, 1, 2, 3, 4, 5, 6].map((n) => {
    const fs = memoryPort();
    let stopped: unknown;
    try {
      makeTwo(stopAfter(fs, n));
    } catch (error) {
      stopped = error;
    }
    return [namesIn(fs).join(''), fs.openHandles(), stopped instanceof Stopped ? stopped.call : undefined];
  });
  expect(left).toEqual([
    ['', 0, 'openRoot'],
    ['', 0, 'openRoot'],
    ['', 1, 'mkdir'],
    ['a', 1, 'mkdir'],
    ['ab', 1, 'stat'],
    ['ab', 1, 'closeDir'],
    ['ab', 0, undefined],
  ]);
});

test('after a stop nothing is done any more, not even closing', () => {
  const fs = memoryPort();
  const stopping = stopAfter(fs, 2);
  const dir = stopping.openRoot(ascii('/'));
  expect(() => stopping.mkdir(dir, ascii('a'), 0o755)).toThrow(Stopped);
  expect(() => stopping.closeDir(dir)).toThrow(Stopped);
  expect(fs.openHandles()).toBe(1);
});

test('one call fails, of those that were meant, and only once', () => {
  const fs = memoryPort();
  const failing = failAt(fs, 2, 'EIO', (name) => name === 'mkdir');
  expect(errno(() => makeTwo(failing))).toBe('EIO');
  expect(namesIn(fs)).toEqual(['a']);
  const dir = failing.openRoot(ascii('/'));
  expect(errno(() => failing.mkdir(dir, ascii('b'), 0o755))).toBe('success');
});

test('a hook sees each call before it is done', () => {
  const seen: string[] = [];
  const fs = beforeCall(memoryPort(), (name, index, args) => seen.push(`${index} ${name} ${args[1] ?? ''}`.trim()));
  makeTwo(fs);
  expect(seen).toEqual(['1 openRoot', '2 mkdir a', '3 mkdir b', '4 stat a', '5 closeDir']);
});
