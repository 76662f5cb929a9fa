import { lstatSync, statfsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure, Scratch } from './scratch.ts';

const ALL = sys.STATX_BASIC_STATS | sys.STATX_BTIME | sys.STATX_MNT_ID;

test('statx says what lstat says, and more', () => {
  // None of which anybody changes meanwhile.
  using memory = new Scratch('/dev/shm');
  for (const path of ['/proc/self', '/dev/null', memory.path, '/etc/passwd', process.execPath]) {
    const said = sys.statx(sys.AT_FDCWD, sys.toBytes(path), sys.AT_SYMLINK_NOFOLLOW, ALL);
    const known = lstatSync(path, { bigint: true });
    expect(said).toMatchObject({
      ino: known.ino,
      mode: Number(known.mode),
      ...{ uid: Number(known.uid), gid: Number(known.gid), nlink: Number(known.nlink), size: Number(known.size) },
      ...{
        blocks: Number(known.blocks),
        blksize: Number(known.blksize),
        rdev: Number(known.rdev),
        dev: Number(known.dev),
      },
    });
    expect(BigInt(said.mtime.sec) * 1_000_000_000n + BigInt(said.mtime.nsec)).toBe(known.mtimeNs);
    expect(BigInt(said.ctime.sec) * 1_000_000_000n + BigInt(said.ctime.nsec)).toBe(known.ctimeNs);
    expect(said.mask & sys.STATX_MNT_ID).toBe(sys.STATX_MNT_ID);
    expect(said.mountId).toBeGreaterThan(0);
  }
});

test('the mount id is the one in mountinfo, and the root of a mount is marked', () => {
  using scratch = new Scratch('/dev/shm');
  const mount = sys.statx(sys.AT_FDCWD, sys.ascii('/dev/shm'), 0, ALL);
  expect(mount.attributes & sys.STATX_ATTR_MOUNT_ROOT).toBe(sys.STATX_ATTR_MOUNT_ROOT);
  expect(mount.attributesMask & sys.STATX_ATTR_MOUNT_ROOT).toBe(sys.STATX_ATTR_MOUNT_ROOT);
  const below = sys.statx(scratch.dir, sys.ascii(''), sys.AT_EMPTY_PATH, ALL);
  expect(below.mountId).toBe(mount.mountId);
  expect(below.attributes & sys.STATX_ATTR_MOUNT_ROOT).toBe(0);
});

test('statx of nothing fails, tryStatx of nothing is undefined, other failures are thrown by both', () => {
  using scratch = new Scratch();
  scratch.closedFile('file');
  expect(failure(() => scratch.stat('absent'))).toBe('ENOENT statx');
  expect(sys.tryStatx(scratch.dir, sys.ascii('absent'), 0, ALL)).toBeUndefined();
  expect(failure(() => sys.tryStatx(scratch.dir, sys.ascii('file/x'), 0, ALL))).toBe('ENOTDIR statx');
  expect(failure(() => sys.tryStatx(scratch.dir, sys.ascii(''), 0x80000000, ALL))).toBe('EINVAL statx');
});

test('a device number is taken apart and put together', () => {
  for (const [maj, min] of [
    [0, 0],
    [8, 1],
    [259, 0],
    [4095, 1048575],
    [1, 256],
  ] as const) {
    const dev = sys.makedev(maj, min);
    expect([sys.major(dev), sys.minor(dev)]).toEqual([maj, min]);
  }
  expect(sys.makedev(8, 17)).toBe(0x811);
  expect(sys.makedev(4095, 1048575)).toBe(0xffffffff);
});

test('fstatfs says what Node says, and that /sys is on sysfs', () => {
  // On some disks what others write changes the number of inodes.
  using scratch = new Scratch('/dev/shm');
  const said = sys.fstatfs(scratch.dir);
  const known = statfsSync(scratch.path);
  expect(said).toMatchObject({ type: known.type, bsize: known.bsize, blocks: known.blocks, files: known.files });
  expect(said.bavail).toBeLessThanOrEqual(said.bfree);
  expect(said.ffree).toBeLessThanOrEqual(said.files);
  expect(said).toMatchObject({ namelen: 255, frsize: known.bsize });
  expect(said.flags & sys.ST_RDONLY).toBe(0);
  expect(failure(() => sys.fstatfs(9999))).toBe('EBADF fstatfs');
  const fd = sys.open(sys.ascii('/sys'), sys.O_PATH | sys.O_CLOEXEC);
  expect(sys.fstatfs(fd).type).toBe(0x62656572);
  sys.close(fd);
});
