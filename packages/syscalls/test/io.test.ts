import { expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure, Scratch } from './scratch.ts';

test('reading and writing move the position, pread and pwrite do not', () => {
  using scratch = new Scratch();
  const fd = scratch.file('file');
  expect(sys.write(fd, Buffer.from('hello'))).toBe(5);
  expect(sys.pwrite(fd, Buffer.from('J'), 0)).toBe(1);
  expect(sys.lseek(fd, 0, sys.SEEK_CUR)).toBe(5);
  expect(sys.lseek(fd, 1, sys.SEEK_SET)).toBe(1);
  const buffer = new Uint8Array(10);
  expect(sys.read(fd, buffer.subarray(2, 5))).toBe(3);
  expect(Buffer.from(buffer).toString()).toBe('\0\0ell\0\0\0\0\0');
  expect(sys.pread(fd, buffer, 0)).toBe(5);
  expect(Buffer.from(buffer.subarray(0, 5)).toString()).toBe('Jello');
  expect(sys.pread(fd, buffer, 5)).toBe(0);
  sys.close(fd);
  expect(failure(() => sys.read(fd, buffer))).toBe('EBADF read');
  expect(failure(() => sys.pread(fd, buffer, 0))).toBe('EBADF pread');
  expect(failure(() => sys.write(fd, buffer))).toBe('EBADF write');
  expect(failure(() => sys.pwrite(fd, buffer, 0))).toBe('EBADF pwrite');
});

test('offsets beyond 4 GiB are exact, and holes are found', () => {
  using scratch = new Scratch();
  const fd = scratch.file('sparse');
  const far = 5 * 2 ** 30;
  sys.pwrite(fd, Buffer.from('end'), far);
  expect(sys.lseek(fd, 0, sys.SEEK_END)).toBe(far + 3);
  expect(sys.lseek(fd, 0, sys.SEEK_DATA)).toBe(far);
  expect(sys.lseek(fd, 0, sys.SEEK_HOLE)).toBe(0);
  expect(sys.lseek(fd, far, sys.SEEK_HOLE)).toBe(far + 3);
  expect(failure(() => sys.lseek(fd, far + 3, sys.SEEK_DATA))).toBe('ENXIO lseek');
  expect(scratch.stat('sparse')).toMatchObject({ size: far + 3 });
  sys.close(fd);
});

test('copy_file_range copies at the offsets given', () => {
  using scratch = new Scratch();
  const source = scratch.file('source', '0123456789');
  const target = scratch.file('target');
  expect(sys.copyFileRange(source, 4, target, 2, 3)).toBe(3);
  const buffer = Buffer.alloc(5);
  sys.pread(target, buffer, 0);
  expect(buffer.toString()).toBe('\0\x00456');
  expect(sys.copyFileRange(source, 10, target, 0, 3)).toBe(0);
  sys.close(target);
  expect(failure(() => sys.copyFileRange(source, 0, target, 0, 3))).toBe('EBADF copy_file_range');
  sys.close(source);
});

test('a clone is refused where blocks cannot be shared', () => {
  using scratch = new Scratch();
  using memory = new Scratch('/dev/shm');
  const [disk, one, two] = [scratch.file('file', 'x'), memory.file('one', 'x'), memory.file('two')];
  expect(failure(() => sys.ficlone(one, two))).toBe('EOPNOTSUPP ioctl(FICLONE)');
  expect(failure(() => sys.ficlone(disk, two))).toMatch(/^(EXDEV|EOPNOTSUPP) ioctl\(FICLONE\)$/);
  for (const fd of [disk, one, two]) sys.close(fd);
});

test('truncating cuts and extends', () => {
  using scratch = new Scratch();
  const fd = scratch.file('file', 'content');
  sys.ftruncate(fd, 3);
  expect(scratch.stat('file').size).toBe(3);
  sys.ftruncate(fd, 6 * 2 ** 30);
  expect(scratch.stat('file').size).toBe(6 * 2 ** 30);
  expect(failure(() => sys.ftruncate(fd, -1))).toBe('EINVAL ftruncate');
  sys.close(fd);
});

test('files, directories and file systems are synced', () => {
  using scratch = new Scratch();
  const fd = scratch.file('file', 'content');
  for (const sync of [sys.fsync, sys.fdatasync, sys.syncfs]) {
    sync(fd);
    sync(scratch.dir);
  }
  sys.close(fd);
  expect(failure(() => sys.fsync(fd))).toBe('EBADF fsync');
  expect(failure(() => sys.fdatasync(fd))).toBe('EBADF fdatasync');
  expect(failure(() => sys.syncfs(fd))).toBe('EBADF syncfs');
});
