import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure } from './scratch.ts';

test('memory of one file is one memory, wherever it is mapped, and outlives the descriptor', () => {
  const fd = sys.memfdCreate('test');
  sys.ftruncate(fd, 4096);
  using one = sys.mapShared(fd, 4096);
  using other = sys.mapShared(fd, 4096);
  const [a, b] = [one.memory, other.memory];
  sys.pwrite(fd, Buffer.from('from the file'), 100);
  sys.close(fd);
  new Int32Array(a)[3] = 77;
  expect(new Int32Array(b)[3]).toBe(77);
  expect(Buffer.from(b, 100, 13).toString()).toBe('from the file');
});

test('memory that was given back is not mapped any more, and what still looks at it finds nothing', () => {
  const fd = sys.memfdCreate('given-back');
  sys.ftruncate(fd, 4096);
  const mapping = sys.mapShared(fd, 4096);
  sys.close(fd);
  const words = new Int32Array(mapping.memory);
  words[0] = 7;
  const isMapped = (): boolean => readFileSync('/proc/self/maps', 'latin1').includes('/memfd:given-back');
  expect(isMapped()).toBe(true);
  mapping[Symbol.dispose]();
  mapping[Symbol.dispose]();
  expect(isMapped()).toBe(false);
  words[0] = 8;
  expect(words[0]).toBeUndefined();
});

test('what cannot be mapped is an error, not memory', () => {
  expect(failure(() => sys.mapShared(-1, 4096))).toBe('EBADF mmap');
});
