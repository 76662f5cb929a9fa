import type { FileHandle, FsPort, Stat } from '@emplace/fsprobe';
import { expect, test } from '@jest/globals';
import { copyContent } from '../../src/strategy/content.ts';

test('a big file is copied in calls that each are short, holes left out (D.7)', () => {
  const [GIB, MIB] = [2 ** 30, 2 ** 20];
  const runs = [
    { start: 0, end: GIB },
    { start: 3 * GIB, end: 3 * GIB + 5 },
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
  expect(calls.reduce((sum, { length }) => sum + length, 0)).toBe(GIB + 5);
  expect(Math.max(...calls.map(({ length }) => length))).toBeLessThanOrEqual(64 * MIB);
  expect(calls.at(-1)).toEqual({ offset: 3 * GIB, length: 5 });
});
