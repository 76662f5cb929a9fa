import { expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure, Scratch, testAsRoot } from './scratch.ts';

const key = sys.ascii('user.key');
const odd = sys.toBytes(Buffer.concat([Buffer.from('user.'), Buffer.from([0xff, 0x0a, 0xc3])]));

test('attributes are set, read, listed and removed on an open file', () => {
  using scratch = new Scratch();
  const fd = scratch.file('a');
  const value = Buffer.from([0, 255, 10, 0]);
  expect(sys.flistxattr(fd)).toEqual([]);
  sys.fsetxattr(fd, key, value);
  sys.fsetxattr(fd, odd, Buffer.alloc(0));
  expect(sys.flistxattr(fd).sort()).toEqual([key, odd].sort());
  expect(sys.fgetxattr(fd, key)).toEqual(value);
  expect(sys.fgetxattr(fd, odd)).toHaveLength(0);
  expect(failure(() => sys.fsetxattr(fd, key, value, sys.XATTR_CREATE))).toBe('EEXIST fsetxattr');
  sys.fremovexattr(fd, key);
  expect(failure(() => sys.fgetxattr(fd, key))).toBe('ENODATA fgetxattr');
  expect(failure(() => sys.fremovexattr(fd, key))).toBe('ENODATA fremovexattr');
  expect(failure(() => sys.fsetxattr(fd, key, value, sys.XATTR_REPLACE))).toBe('ENODATA fsetxattr');
  sys.close(fd);
  expect(failure(() => sys.flistxattr(fd))).toBe('EBADF flistxattr');
});

test('values and lists longer than the first guess come whole, and each value is its own', () => {
  using scratch = new Scratch();
  const fd = scratch.file('a');
  const [long, other] = [Buffer.alloc(3000, 'v'), Buffer.alloc(2000, 'w')];
  sys.fsetxattr(fd, key, long);
  const first = sys.fgetxattr(fd, key);
  sys.fsetxattr(fd, key, other);
  expect(sys.fgetxattr(fd, key)).toEqual(other);
  expect(first).toEqual(long);
  sys.fremovexattr(fd, key);
  const keys = Array.from({ length: 12 }, (_, i) => sys.ascii(`user.${i}-${'k'.repeat(200)}`));
  for (const each of keys) sys.fsetxattr(fd, each, Buffer.from('v'));
  expect(sys.flistxattr(fd).sort()).toEqual(keys.sort());
  sys.close(fd);
});

testAsRoot('a path form follows a symlink, an l form is the symlink itself', () => {
  using scratch = new Scratch();
  scratch.closedFile('file');
  sys.symlinkat(sys.ascii('file'), scratch.dir, sys.ascii('link'));
  const [file, link] = [sys.toBytes(`${scratch.path}/file`), sys.toBytes(`${scratch.path}/link`)];
  const trusted = sys.ascii('trusted.key');
  sys.setxattr(link, key, Buffer.from('on file'));
  sys.lsetxattr(link, trusted, Buffer.from('on link'));
  expect(sys.lgetxattr(file, key).toString()).toBe('on file');
  expect(sys.getxattr(link, key).toString()).toBe('on file');
  expect(sys.lgetxattr(link, trusted).toString()).toBe('on link');
  expect(sys.listxattr(link)).toEqual([key]);
  expect(sys.llistxattr(link)).toEqual([trusted]);
  expect(failure(() => sys.lsetxattr(link, key, Buffer.from('x')))).toBe('EPERM lsetxattr');
  expect(failure(() => sys.getxattr(link, trusted))).toBe('ENODATA getxattr');
  sys.removexattr(link, key);
  sys.lremovexattr(link, trusted);
  expect([sys.listxattr(link), sys.llistxattr(link)]).toEqual([[], []]);
});

test('failures name the path and the key', () => {
  using scratch = new Scratch();
  scratch.closedFile('a');
  const path = sys.toBytes(`${scratch.path}/a`);
  expect(() => sys.lgetxattr(path, key)).toThrow(`ENODATA: lgetxattr \`${scratch.path}/a\` -> \`user.key\``);
  expect(failure(() => sys.lremovexattr(path, key))).toBe('ENODATA lremovexattr');
  expect(failure(() => sys.removexattr(path, key))).toBe('ENODATA removexattr');
  expect(failure(() => sys.listxattr(sys.ascii('/absent')))).toBe('ENOENT listxattr');
  expect(failure(() => sys.llistxattr(sys.ascii('/absent')))).toBe('ENOENT llistxattr');
  expect(failure(() => sys.setxattr(path, sys.ascii('nonsense'), Buffer.alloc(1)))).toBe('EOPNOTSUPP setxattr');
  expect(failure(() => sys.setxattr(path, sys.ascii('user.'.padEnd(256, 'k')), Buffer.alloc(1)))).toBe(
    'ERANGE setxattr',
  );
});
