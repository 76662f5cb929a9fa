import { expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure, Scratch, testAsRoot } from './scratch.ts';

const [a, itself] = [sys.ascii('a'), sys.ascii('')];

test('the mode is set by descriptor, by name and by path', () => {
  using scratch = new Scratch();
  const fd = scratch.file('a');
  sys.fchmod(fd, 0o4751);
  expect(scratch.stat('a').mode & 0o7777).toBe(0o4751);
  sys.fchmodat(scratch.dir, a, 0o640);
  expect(scratch.stat('a').mode & 0o7777).toBe(0o640);
  sys.chmod(sys.toBytes(`${scratch.path}/a`), 0o1777);
  expect(scratch.stat('a').mode & 0o7777).toBe(0o1777);
  sys.close(fd);
  expect(failure(() => sys.fchmod(fd, 0))).toBe('EBADF fchmod');
  expect(failure(() => sys.fchmodat(scratch.dir, sys.ascii('absent'), 0))).toBe('ENOENT fchmodat');
  expect(failure(() => sys.chmod(sys.ascii('/absent'), 0))).toBe('ENOENT chmod');
});

testAsRoot('the owner is set on files, on symlinks themselves and through O_PATH', () => {
  using scratch = new Scratch();
  const fd = scratch.file('a');
  sys.symlinkat(a, scratch.dir, sys.ascii('link'));
  sys.fchown(fd, 1, 2);
  sys.fchownat(scratch.dir, sys.ascii('link'), 3, 4_000_000_000, sys.AT_SYMLINK_NOFOLLOW);
  expect(scratch.stat('a')).toMatchObject({ uid: 1, gid: 2 });
  expect(scratch.stat('link')).toMatchObject({ uid: 3, gid: 4_000_000_000 });
  const pinned = sys.openat(scratch.dir, sys.ascii('link'), sys.O_PATH | sys.O_NOFOLLOW | sys.O_CLOEXEC);
  sys.fchownat(pinned, itself, 5, 0xffffffff, sys.AT_EMPTY_PATH);
  expect(scratch.stat('link')).toMatchObject({ uid: 5, gid: 4_000_000_000 });
  sys.close(pinned);
  sys.close(fd);
  expect(failure(() => sys.fchown(fd, 0, 0))).toBe('EBADF fchown');
  expect(failure(() => sys.fchownat(scratch.dir, sys.ascii('absent'), 0, 0, 0))).toBe('ENOENT fchownat');
});

test('times are exact to the nanosecond, before 1970 and after 2038', () => {
  using scratch = new Scratch();
  const fd = scratch.file('a');
  const atime = { sec: -5, nsec: 999_999_999 };
  for (const mtime of [
    { sec: 4_500_000_000, nsec: 123_456_789 },
    { sec: -1_000_000, nsec: 1 },
    { sec: 0, nsec: 0 },
  ]) {
    sys.utimensat(scratch.dir, a, atime, mtime, sys.AT_SYMLINK_NOFOLLOW);
    expect(scratch.stat('a')).toMatchObject({ atime, mtime });
    sys.futimens(fd, mtime, mtime);
    expect(scratch.stat('a')).toMatchObject({ atime: mtime, mtime });
  }
  sys.close(fd);
  expect(failure(() => sys.futimens(fd, atime, atime))).toBe('EBADF futimens');
  expect(failure(() => sys.utimensat(scratch.dir, sys.ascii('absent'), atime, atime, 0))).toBe('ENOENT utimensat');
});

test('a time may be left as it is or set to now, on a pinned symlink too', () => {
  using scratch = new Scratch();
  sys.symlinkat(sys.ascii('nowhere'), scratch.dir, a);
  const pinned = sys.openat(scratch.dir, a, sys.O_PATH | sys.O_NOFOLLOW | sys.O_CLOEXEC);
  const old = { sec: 1000, nsec: 5 };
  sys.utimensat(pinned, itself, old, old, sys.AT_EMPTY_PATH);
  sys.utimensat(pinned, itself, { sec: 0, nsec: sys.UTIME_NOW }, { sec: 0, nsec: sys.UTIME_OMIT }, sys.AT_EMPTY_PATH);
  const { atime, mtime } = scratch.stat('a');
  expect(mtime).toEqual(old);
  expect(Math.abs(atime.sec - Date.now() / 1000)).toBeLessThan(60);
  sys.close(pinned);
});

testAsRoot('inode flags are read and set', () => {
  using scratch = new Scratch();
  const fd = scratch.file('a');
  const before = sys.getInodeFlags(fd);
  sys.setInodeFlags(fd, before | sys.FS_IMMUTABLE_FL);
  try {
    expect(sys.getInodeFlags(fd)).toBe(before | sys.FS_IMMUTABLE_FL);
    expect(scratch.stat('a').attributes & sys.STATX_ATTR_IMMUTABLE).toBe(sys.STATX_ATTR_IMMUTABLE);
    expect(failure(() => sys.unlinkat(scratch.dir, a))).toBe('EPERM unlinkat');
  } finally {
    sys.setInodeFlags(fd, before);
    sys.close(fd);
  }
  expect(failure(() => sys.getInodeFlags(fd))).toBe('EBADF ioctl(FS_IOC_GETFLAGS)');
  expect(failure(() => sys.setInodeFlags(fd, 0))).toBe('EBADF ioctl(FS_IOC_SETFLAGS)');
});

test('the umask is read as it is and swapped', () => {
  const before = sys.umask(0o027);
  try {
    expect(sys.currentUmask()).toBe(0o027);
  } finally {
    expect(sys.umask(before)).toBe(0o027);
  }
  expect(sys.currentUmask()).toBe(before);
});

test('a signal for the end of the parent is one that there is, or none', () => {
  expect(failure(() => sys.setParentDeathSignal(65))).toBe('EINVAL prctl(PR_SET_PDEATHSIG)');
  expect(failure(() => sys.setParentDeathSignal(0))).toBe('success');
});

test('the effective user is the one Node says', () => {
  expect(sys.geteuid()).toBe(process.geteuid?.());
});
