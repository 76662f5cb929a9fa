import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure, Scratch, testAsRoot } from './scratch.ts';

const [a, b, c] = [sys.ascii('a'), sys.ascii('b'), sys.ascii('c')];

describe('renaming', () => {
  function two(): Scratch {
    const scratch = new Scratch();
    scratch.closedFile('a', 'was a');
    scratch.closedFile('b', 'was b');
    return scratch;
  }
  const content = (scratch: Scratch, name: string) => readFileSync(join(scratch.path, name), 'utf8');

  test('replaces the target', () => {
    using scratch = two();
    sys.renameat(scratch.dir, a, scratch.dir, b);
    expect(readdirSync(scratch.path)).toEqual(['b']);
    expect(content(scratch, 'b')).toBe('was a');
    expect(failure(() => sys.renameat(scratch.dir, a, scratch.dir, b))).toBe('ENOENT renameat');
  });

  test('with RENAME_NOREPLACE refuses a target that is there', () => {
    using scratch = two();
    const rename = (target: sys.Bytes) => sys.renameat2(scratch.dir, a, scratch.dir, target, sys.RENAME_NOREPLACE);
    expect(failure(() => rename(b))).toBe('EEXIST renameat2');
    rename(c);
    expect(readdirSync(scratch.path).sort()).toEqual(['b', 'c']);
  });

  test('with RENAME_EXCHANGE swaps a file with a directory', () => {
    using scratch = two();
    sys.mkdirat(scratch.dir, c, 0o755);
    sys.renameat2(scratch.dir, a, scratch.dir, c, sys.RENAME_EXCHANGE);
    expect(content(scratch, 'c')).toBe('was a');
    expect(scratch.stat('a').mode & sys.S_IFMT).toBe(sys.S_IFDIR);
    const absent = sys.ascii('absent');
    const exchange = () => sys.renameat2(scratch.dir, a, scratch.dir, absent, sys.RENAME_EXCHANGE);
    expect(failure(exchange)).toBe('ENOENT renameat2');
  });

  test('names both paths when it fails', () => {
    using scratch = two();
    sys.mkdirat(scratch.dir, c, 0o755);
    expect(() => sys.renameat(scratch.dir, a, scratch.dir, c)).toThrow('EISDIR: renameat `a` -> `c`');
    expect(() => sys.renameat(scratch.dir, c, scratch.dir, a)).toThrow('ENOTDIR: renameat `c` -> `a`');
    using memory = new Scratch('/dev/shm');
    expect(failure(() => sys.renameat(scratch.dir, a, memory.dir, a))).toBe('EXDEV renameat');
  });
});

test('a link is a second name of one file', () => {
  using scratch = new Scratch();
  scratch.closedFile('a');
  sys.linkat(scratch.dir, a, scratch.dir, b);
  expect(scratch.stat('b')).toMatchObject({ nlink: 2, ino: scratch.stat('a').ino });
  expect(failure(() => sys.linkat(scratch.dir, a, scratch.dir, b))).toBe('EEXIST linkat');
  sys.mkdirat(scratch.dir, c, 0o755);
  expect(failure(() => sys.linkat(scratch.dir, c, scratch.dir, sys.ascii('d')))).toBe('EPERM linkat');
});

test('a symlink is linked itself unless AT_SYMLINK_FOLLOW says otherwise', () => {
  using scratch = new Scratch();
  scratch.closedFile('a');
  sys.symlinkat(a, scratch.dir, b);
  sys.linkat(scratch.dir, b, scratch.dir, c);
  sys.linkat(scratch.dir, b, scratch.dir, sys.ascii('d'), sys.AT_SYMLINK_FOLLOW);
  expect(scratch.stat('c').ino).toBe(scratch.stat('b').ino);
  expect(scratch.stat('d').ino).toBe(scratch.stat('a').ino);
});

test('unlinking takes names, with AT_REMOVEDIR empty directories', () => {
  using scratch = new Scratch();
  scratch.closedFile('a');
  sys.mkdirat(scratch.dir, b, 0o755);
  sys.mkdirat(scratch.dir, sys.ascii('b/c'), 0o755);
  expect(failure(() => sys.unlinkat(scratch.dir, b))).toBe('EISDIR unlinkat');
  expect(failure(() => sys.unlinkat(scratch.dir, a, sys.AT_REMOVEDIR))).toBe('ENOTDIR unlinkat');
  expect(failure(() => sys.unlinkat(scratch.dir, b, sys.AT_REMOVEDIR))).toBe('ENOTEMPTY unlinkat');
  sys.unlinkat(scratch.dir, sys.ascii('b/c'), sys.AT_REMOVEDIR);
  sys.unlinkat(scratch.dir, b, sys.AT_REMOVEDIR);
  sys.unlinkat(scratch.dir, a);
  expect(readdirSync(scratch.path)).toEqual([]);
  expect(failure(() => sys.unlinkat(scratch.dir, a))).toBe('ENOENT unlinkat');
});

test('a symlink says any bytes, up to 4,095', () => {
  using scratch = new Scratch();
  const target = sys.toBytes(Buffer.concat([Buffer.from([0xff, 0x0a, 0x80]), Buffer.alloc(4092, 'x')]));
  sys.symlinkat(target, scratch.dir, a);
  expect(sys.readlinkat(scratch.dir, a)).toBe(target);
  expect(failure(() => sys.symlinkat(target, scratch.dir, a))).toBe('EEXIST symlinkat');
  expect(failure(() => sys.symlinkat(sys.ascii(''), scratch.dir, b))).toBe('ENOENT symlinkat');
  scratch.closedFile('b');
  expect(failure(() => sys.readlinkat(scratch.dir, b))).toBe('EINVAL readlinkat');
});

test('a FIFO is made', () => {
  using scratch = new Scratch();
  sys.mknodat(scratch.dir, a, sys.S_IFIFO | 0o600, 0);
  expect(scratch.stat('a').mode).toBe(sys.S_IFIFO | 0o600);
  expect(failure(() => sys.mknodat(scratch.dir, a, sys.S_IFIFO | 0o600, 0))).toBe('EEXIST mknodat');
});

testAsRoot('device nodes are made with their numbers', () => {
  using scratch = new Scratch();
  sys.mknodat(scratch.dir, a, sys.S_IFCHR | 0o600, sys.makedev(1, 3));
  sys.mknodat(scratch.dir, b, sys.S_IFBLK | 0o600, sys.makedev(259, 70000));
  expect(scratch.stat('a')).toMatchObject({ mode: sys.S_IFCHR | 0o600, rdev: sys.makedev(1, 3) });
  expect(scratch.stat('b')).toMatchObject({ mode: sys.S_IFBLK | 0o600, rdev: sys.makedev(259, 70000) });
});
