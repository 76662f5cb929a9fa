import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { memoryPort } from '../../src/fs/memory.ts';
import { startingAhead } from '../../src/threads/start-ahead.ts';

test('threads are told how many names a plan has listed so far, and the lists are as they were', () => {
  const memory = memoryPort();
  const top = memory.openRoot(ascii('/'));
  const told: number[] = [];
  const fs = startingAhead(memory, { start: (tasks) => void told.push(tasks) });
  memory.mkdir(top, ascii('d'), 0o755);
  expect(fs.list(top)).toEqual(memory.list(top));
  for (const name of ['e', 'f']) memory.mkdir(top, ascii(name), 0o755);
  expect(fs.list(top)).toHaveLength(3);
  expect(told).toEqual([1, 4]);
  expect(fs.uid).toBe(memory.uid);
});
