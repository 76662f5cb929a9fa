import { constants } from 'node:os';
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

test('who breaks a lease sends the signal that was chosen, and not SIGIO, which would end this process', () => {
  using scratch = new Scratch();
  sys.close(scratch.file('a'));
  const reader = sys.openat(scratch.dir, a, sys.O_RDONLY | sys.O_CLOEXEC);
  sys.setLeaseSignal(reader, constants.signals.SIGURG);
  sys.setLease(reader, sys.F_RDLCK);
  const write = () => sys.close(sys.openat(scratch.dir, a, sys.O_WRONLY | sys.O_NONBLOCK | sys.O_CLOEXEC));
  expect(failure(write)).toBe('EAGAIN openat');
  sys.setLease(reader, sys.F_UNLCK);
  expect(failure(write)).toBe('success');
  sys.close(reader);
  expect(failure(() => sys.setLeaseSignal(reader, 0))).toBe('EBADF fcntl(F_SETSIG)');
});

test('a record lock excludes other open files, copies of the descriptor keep it', () => {
  using scratch = new Scratch();
  const owner = scratch.file('a');
  const other = sys.openat(scratch.dir, a, sys.O_RDWR | sys.O_CLOEXEC);
  const tryLock = () => failure(() => sys.recordLock(other, sys.F_WRLCK));
  sys.recordLock(owner, sys.F_WRLCK);
  expect([tryLock(), sys.recordLockHolder(other)]).toEqual(['EAGAIN fcntl(F_OFD_SETLK)', -1]);
  const copy = sys.dup(owner);
  sys.close(owner);
  expect(tryLock()).toBe('EAGAIN fcntl(F_OFD_SETLK)');
  sys.recordLock(copy, sys.F_UNLCK);
  expect([tryLock(), sys.recordLockHolder(other)]).toEqual(['success', undefined]);
  sys.close(copy);
  sys.close(other);
});
