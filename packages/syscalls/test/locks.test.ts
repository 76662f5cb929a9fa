import { expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure, Scratch } from './scratch.ts';

const a = sys.ascii('a');

test('one open file excludes another, until it is unlocked or closed', () => {
  using scratch = new Scratch();
  const owner = scratch.file('a');
  const other = sys.openat(scratch.dir, a, sys.O_RDONLY | sys.O_CLOEXEC);
  const tryLock = () => failure(() => sys.flock(other, sys.LOCK_EX | sys.LOCK_NB));
  sys.flock(owner, sys.LOCK_EX);
  expect(tryLock()).toBe('EAGAIN flock');
  sys.flock(owner, sys.LOCK_UN);
  expect(tryLock()).toBe('success');
  sys.flock(other, sys.LOCK_UN);
  sys.flock(owner, sys.LOCK_EX);
  const copy = sys.dup(owner);
  sys.close(owner);
  expect(tryLock()).toBe('EAGAIN flock');
  sys.close(copy);
  expect(tryLock()).toBe('success');
  sys.close(other);
});

test('a read lease is refused while anybody has the file open for writing', () => {
  using scratch = new Scratch();
  const writer = scratch.file('a');
  const reader = sys.openat(scratch.dir, a, sys.O_RDONLY | sys.O_CLOEXEC);
  expect(failure(() => sys.setLease(reader, sys.F_RDLCK))).toBe('EAGAIN fcntl(F_SETLEASE)');
  expect(sys.getLease(reader)).toBe(sys.F_UNLCK);
  sys.close(writer);
  sys.setLease(reader, sys.F_RDLCK);
  expect(sys.getLease(reader)).toBe(sys.F_RDLCK);
  sys.setLease(reader, sys.F_UNLCK);
  sys.close(reader);
  expect(failure(() => sys.getLease(reader))).toBe('EBADF fcntl(F_GETLEASE)');
});
