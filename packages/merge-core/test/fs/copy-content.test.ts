import { randomBytes } from 'node:crypto';
import type { FileHandle, FsPort, Stat } from '@emplace/fsprobe';
import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { memoryPort } from '../../src/fs/memory.ts';
import { digestData } from '../../src/ledger/digests.ts';
import { contentBuffer, copyContent } from '../../src/strategy/content.ts';

test('a big file is copied in calls that each are short, holes left out (D.7)', () => {
  const [GIB, MIB] = [2 ** 30, 2 ** 20];
  const runs = [
    { start: 0, end: GIB },
    { start: 3 * GIB, end: 3 * GIB + 5 * MIB },
  ];
  const calls: { offset: number; length: number }[] = [];
  const fs: Pick<FsPort, 'nextData' | 'copyRange' | 'truncate'> = {
    nextData: (_, offset) => runs.find(({ end }) => end > offset),
    copyRange: (_from, _to, offset, length) => {
      calls.push({ offset, length });
      return length;
    },
    truncate: () => {},
  };
  copyContent(1 as FileHandle, 2 as FileHandle, { size: 4 * GIB } as Stat, fs as FsPort);
  expect(calls.reduce((sum, { length }) => sum + length, 0)).toBe(GIB + 5 * MIB);
  expect(Math.max(...calls.map(({ length }) => length))).toBeLessThanOrEqual(64 * MIB);
  expect(calls.at(-1)).toEqual({ offset: 3 * GIB, length: 5 * MIB });
});

test.each([
  ['a small one', 100_000],
  ['one of several reads', 900_000],
])('content that no call copies within the kernel goes through a buffer, holes left out: %s', (_, length) => {
  const fs = memoryPort();
  const top = fs.openRoot(ascii('/'));
  fs.mkdir(top, ascii('elsewhere'), 0o755);
  fs.mount({ path: '/elsewhere' });
  const there = fs.openDir(top, ascii('elsewhere'));
  const from = fs.createFile(top, ascii('from'), 0o600);
  const [hole, data] = [1_048_576, randomBytes(length)];
  fs.write(from, data, hole);
  const to = fs.createFile(there, ascii('to'), 0o600);
  copyContent(from, to, fs.statHandle(from), fs);
  const copied = Buffer.alloc(hole + length + 1);
  expect(fs.read(to, copied, 0)).toBe(hole + length);
  expect(copied.subarray(hole, -1).equals(data)).toBe(true);
  expect(fs.nextData(to, 0)).toEqual(fs.nextData(from, 0));
  expect(fs.nextData(to, 0)?.start).toBe(hole);
});

test('content of which no call within the kernel copies anything, and says so with no error, is copied whole', () => {
  const fs = memoryPort();
  const top = fs.openRoot(ascii('/'));
  const from = fs.createFile(top, ascii('from'), 0o600);
  const data = randomBytes(900_000);
  fs.write(from, data);
  const to = fs.createFile(top, ascii('to'), 0o600);
  let asked = 0;
  const nothing = (): number => {
    asked++;
    return 0;
  };
  copyContent(from, to, fs.statHandle(from), Object.assign(Object.create(fs) as FsPort, { copyRange: nothing }));
  const copied = Buffer.alloc(data.length + 1);
  expect(asked).toBe(1);
  expect(fs.read(to, copied, 0)).toBe(data.length);
  expect(copied.subarray(0, -1).equals(data)).toBe(true);
});

test('of a file that grows while it is copied as much is digested as is copied', () => {
  const fs = memoryPort();
  const top = fs.openRoot(ascii('/'));
  const from = fs.createFile(top, ascii('from'), 0o600);
  const before = { ...fs.statHandle(from), size: 100 };
  fs.write(from, Buffer.from('later'), 1_048_576);
  const to = fs.createFile(top, ascii('to'), 0o600);
  const digested = copyContent(from, to, before, fs, { buffer: contentBuffer(), digests: ['md5'] });
  expect(fs.statHandle(to).size).toBe(100);
  expect(digested).toEqual({ size: 100, digests: digestData(['md5'], Buffer.alloc(100)) });
});
