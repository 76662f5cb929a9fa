import { accessSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { toBuffer, toBytes } from '../src/bytes.ts';
import { AT_FDCWD } from '../src/constants.ts';
import { errnoName } from '../src/errno.ts';
import { native } from '../src/native.ts';

const buffer = Buffer.alloc(256);

function path(text: string): Buffer {
  return Buffer.concat([toBuffer(toBytes(text)), Buffer.from([0])]);
}

test('the errno of a call that failed stays what it was, whatever the process calls before it is asked for', () => {
  const { statx, errno } = native();
  expect(statx(AT_FDCWD, path('/nowhere/at/all'), 0, 0, buffer)).toBe(-1);
  // Node's own call leaves ENOTDIR in the thread's errno.
  expect(() => accessSync('/dev/null/below')).toThrow('ENOTDIR');
  expect(errnoName(errno())).toBe('ENOENT');
  expect(statx(AT_FDCWD, path('/'), 0, 0, buffer)).toBe(0);
  expect(errnoName(errno())).toBe('ENOENT');
  expect(statx(AT_FDCWD, path('/dev/null/below'), 0, 0, buffer)).toBe(-1);
  expect(errnoName(errno())).toBe('ENOTDIR');
});
