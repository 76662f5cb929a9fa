import { expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure, openDescriptors, Scratch } from './scratch.ts';

test('a descriptor that is sent is another one of the same open file, close-on-exec', () => {
  using scratch = new Scratch();
  const fd = scratch.file('a', 'content');
  const [to, from] = sys.socketPair();
  sys.sendDescriptor(to, fd);
  const received = sys.receiveDescriptor(from) as number;
  sys.lseek(fd, 3, sys.SEEK_SET);
  const rest = Buffer.alloc(10);
  expect(rest.toString('latin1', 0, sys.read(received, rest))).toBe('tent');
  expect(sys.receiveDescriptor(from)).toBeUndefined();
  for (const one of [fd, to, from, received]) sys.close(one);
});

test('a lock that only a message holds is held, and is given back with the last end of the socket it waits in', () => {
  using scratch = new Scratch();
  const owner = scratch.file('a');
  const other = sys.openat(scratch.dir, sys.ascii('a'), sys.O_RDONLY | sys.O_CLOEXEC);
  const tryLock = () => failure(() => sys.flock(other, sys.LOCK_EX | sys.LOCK_NB));
  const [to, from] = sys.socketPair();
  sys.flock(owner, sys.LOCK_EX);
  sys.sendDescriptor(to, owner);
  sys.close(owner);
  sys.close(to);
  const copy = sys.dup(from);
  sys.close(from);
  expect(tryLock()).toBe('EAGAIN flock');
  sys.close(copy);
  expect(tryLock()).toBe('success');
  sys.close(other);
});

test('nothing waits in a socket that is new, or whose other end is closed; what is none is an error', () => {
  const before = openDescriptors();
  const [to, from] = sys.socketPair();
  expect(sys.receiveDescriptor(from)).toBeUndefined();
  sys.close(to);
  expect(sys.receiveDescriptor(from)).toBeUndefined();
  expect(failure(() => sys.sendDescriptor(from, from))).toBe('EPIPE sendmsg');
  sys.close(from);
  expect(failure(() => sys.sendDescriptor(-1, 0))).toBe('EBADF sendmsg');
  expect(failure(() => sys.receiveDescriptor(-1))).toBe('EBADF recvmsg');
  expect(openDescriptors()).toBe(before);
});

test('where no number is free for a descriptor none is received, and none is lost to this process', () => {
  const [to, from] = sys.socketPair();
  const fd = sys.memfdCreate('test');
  sys.sendDescriptor(to, fd);
  const { hard } = sys.prlimit(0, sys.RLIMIT_NOFILE);
  const limit = sys.prlimit(0, sys.RLIMIT_NOFILE, { soft: 1, hard });
  try {
    expect(sys.receiveDescriptor(from)).toBeUndefined();
  } finally {
    sys.prlimit(0, sys.RLIMIT_NOFILE, limit);
  }
  for (const one of [fd, to, from]) sys.close(one);
});
