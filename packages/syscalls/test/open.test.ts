import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure, openDescriptors, Scratch } from './scratch.ts';

const DIRECTORY = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_CLOEXEC;

describe('openat2', () => {
  function tree(): Scratch {
    const scratch = new Scratch();
    mkdirSync(join(scratch.path, 'a/b'), { recursive: true });
    symlinkSync('a', join(scratch.path, 'inner'));
    symlinkSync('/a/b', join(scratch.path, 'absolute'));
    symlinkSync('/proc/self/fd/0', join(scratch.path, 'magic'));
    return scratch;
  }
  const open = (scratch: Scratch, path: string, resolve: number) =>
    failure(() => sys.close(sys.openat2(scratch.dir, sys.toBytes(path), DIRECTORY, resolve)));

  test('stays beneath its directory', () => {
    using scratch = tree();
    expect(open(scratch, 'a/b', sys.RESOLVE_BENEATH)).toBe('success');
    expect(open(scratch, 'inner/b/..', sys.RESOLVE_BENEATH)).toBe('success');
    expect(open(scratch, '..', sys.RESOLVE_BENEATH)).toBe('EXDEV openat2');
    expect(open(scratch, 'absolute', sys.RESOLVE_BENEATH)).toBe('EXDEV openat2');
  });

  test('takes its directory for the root', () => {
    using scratch = tree();
    expect(open(scratch, 'absolute', sys.RESOLVE_IN_ROOT)).toBe('success');
    expect(open(scratch, '../../a', sys.RESOLVE_IN_ROOT)).toBe('success');
    expect(open(scratch, '/a/b', 0)).toBe('ENOENT openat2');
  });

  test('refuses symlinks, magic links and mounts when told to', () => {
    using scratch = tree();
    expect(open(scratch, 'inner/b', sys.RESOLVE_NO_SYMLINKS)).toBe('ELOOP openat2');
    expect(open(scratch, 'magic', sys.RESOLVE_NO_MAGICLINKS)).toBe('ELOOP openat2');
    expect(open(scratch, '/proc', sys.RESOLVE_NO_XDEV)).toBe('EXDEV openat2');
  });
});

test('an opening fails with the errno, the call and the path', () => {
  using scratch = new Scratch();
  scratch.closedFile('file');
  const open = (name: string, flags: number) => failure(() => sys.openat(scratch.dir, sys.toBytes(name), flags, 0o600));
  expect(open('absent', sys.O_RDONLY)).toBe('ENOENT openat');
  expect(open('file', DIRECTORY)).toBe('ENOTDIR openat');
  expect(open('file', sys.O_RDWR | sys.O_CREAT | sys.O_EXCL)).toBe('EEXIST openat');
  expect(open('.', sys.O_RDWR)).toBe('EISDIR openat');
  expect(failure(() => sys.openat(9999, sys.ascii('x'), 0))).toBe('EBADF openat');
  expect(() => sys.openat(scratch.dir, sys.toBytes('ab\nsent'), 0)).toThrow('ENOENT: openat `ab\\x0asent`');
});

test('an unnamed file has no name until it is linked', () => {
  using scratch = new Scratch();
  const fd = sys.openat(scratch.dir, sys.ascii('.'), sys.O_TMPFILE | sys.O_RDWR | sys.O_CLOEXEC, 0o600);
  expect(sys.statx(fd, sys.ascii(''), sys.AT_EMPTY_PATH, sys.STATX_BASIC_STATS).nlink).toBe(0);
  sys.close(fd);
});

test('a symlink is opened itself with O_PATH and O_NOFOLLOW, and refused without O_PATH', () => {
  using scratch = new Scratch();
  sys.symlinkat(sys.ascii('nowhere'), scratch.dir, sys.ascii('link'));
  expect(failure(() => sys.openat(scratch.dir, sys.ascii('link'), sys.O_NOFOLLOW))).toBe('ELOOP openat');
  const fd = sys.openat(scratch.dir, sys.ascii('link'), sys.O_PATH | sys.O_NOFOLLOW | sys.O_CLOEXEC);
  expect(sys.readlinkat(fd, sys.ascii(''))).toBe('nowhere');
  sys.close(fd);
});

test('a copy of a descriptor shares the position and is closed by itself', () => {
  using scratch = new Scratch();
  const fd = scratch.file('file', 'content');
  const copy = sys.dup(fd);
  sys.lseek(fd, 3, sys.SEEK_SET);
  sys.close(fd);
  expect(sys.lseek(copy, 0, sys.SEEK_CUR)).toBe(3);
  sys.close(copy);
  expect(failure(() => sys.close(copy))).toBe('EBADF close');
  expect(failure(() => sys.dup(copy))).toBe('EBADF fcntl');
});

test('descriptors are balanced over successes and failures', () => {
  using scratch = new Scratch();
  scratch.closedFile('file');
  sys.currentUmask();
  const before = openDescriptors();
  for (let i = 0; i < 500; i++) {
    sys.close(sys.openat(scratch.dir, sys.ascii('file'), sys.O_RDONLY | sys.O_CLOEXEC));
    sys.close(sys.openat2(scratch.dir, sys.ascii('.'), DIRECTORY, sys.RESOLVE_BENEATH));
    failure(() => sys.openat(scratch.dir, sys.ascii('absent'), 0));
    failure(() => sys.openat2(scratch.dir, sys.ascii('..'), DIRECTORY, sys.RESOLVE_BENEATH));
    sys.currentUmask();
  }
  expect(openDescriptors()).toBe(before);
});
