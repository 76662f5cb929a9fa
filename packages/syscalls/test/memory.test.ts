import { expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure } from './scratch.ts';

test('memory of one file is one memory, wherever it is mapped, and outlives the descriptor', () => {
  const fd = sys.memfdCreate('test');
  sys.ftruncate(fd, 4096);
  const [a, b] = [sys.mapShared(fd, 4096), sys.mapShared(fd, 4096)];
  sys.pwrite(fd, Buffer.from('from the file'), 100);
  sys.close(fd);
  new Int32Array(a)[3] = 77;
  expect(new Int32Array(b)[3]).toBe(77);
  expect(Buffer.from(b, 100, 13).toString()).toBe('from the file');
});

test('what cannot be mapped is an error, not memory', () => {
  expect(failure(() => sys.mapShared(-1, 4096))).toBe('EBADF mmap');
});
