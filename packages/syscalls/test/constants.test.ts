import { constants as os } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import * as constants from '../src/constants.ts';
import { errnoName } from '../src/errno.ts';
import { PATH_MAX } from '../src/path.ts';
import { type Arch, evaluate, headerValues } from './headers.ts';

const { OPEN_FLAGS_BY_ARCH, O_LARGEFILE: _, SYS_openat2, SYS_close_range, ...numbers } = constants;

describe.each<Arch>(['x64', 'arm64'])('the C headers of %s', (arch) => {
  test('give every constant the value it has here', () => {
    const { O_LARGEFILE, ...flags } = OPEN_FLAGS_BY_ARCH[arch];
    const expected: Record<string, number> = { ...numbers, ...flags, O_TMPFILE: 0x400000 | flags.O_DIRECTORY };
    expect(expected).toEqual(headerValues(arch, Object.keys(expected)));
    expect({ O_LARGEFILE }).toEqual(headerValues(arch, ['O_LARGEFILE'], 'asm/fcntl'));
  });

  test('give system calls that have no function the numbers they have here', () => {
    const numbered = { __NR_openat2: SYS_openat2, __NR_close_range: SYS_close_range };
    expect(headerValues(arch, Object.keys(numbered))).toEqual(numbered);
  });

  test('give every errno the name it has here, and a path the longest length', () => {
    const names = Array.from({ length: 133 }, (_, i) => errnoName(i + 1)).filter(
      (name) => !/^E\d/.test(name) || name === 'E2BIG',
    );
    const values = headerValues(arch, names);
    expect(names).toHaveLength(131);
    expect(names.filter((name) => errnoName(values[name] as number) !== name)).toEqual([]);
    expect(headerValues(arch, ['PATH_MAX'], 'linux/limits')).toEqual({ PATH_MAX });
  });
});

test('an errno has the name that Node gives it', () => {
  const { EWOULDBLOCK, ENOTSUP, ...known } = os.errno;
  for (const [name, number] of Object.entries(known)) expect(errnoName(number)).toBe(name);
  expect([errnoName(EWOULDBLOCK), errnoName(ENOTSUP)]).toEqual(['EAGAIN', 'EOPNOTSUPP']);
  expect([errnoName(41), errnoName(134)]).toEqual(['E41', 'E134']);
});

test('the structures are laid out as the decoders read them', () => {
  const fields = [
    ['sizeof(struct statx)', 256],
    ['offsetof(struct statx, stx_attributes)', 8],
    ['offsetof(struct statx, stx_nlink)', 16],
    ['offsetof(struct statx, stx_mode)', 28],
    ['offsetof(struct statx, stx_ino)', 32],
    ['offsetof(struct statx, stx_size)', 40],
    ['offsetof(struct statx, stx_blocks)', 48],
    ['offsetof(struct statx, stx_attributes_mask)', 56],
    ['offsetof(struct statx, stx_atime)', 64],
    ['offsetof(struct statx, stx_btime)', 80],
    ['offsetof(struct statx, stx_ctime)', 96],
    ['offsetof(struct statx, stx_mtime)', 112],
    ['offsetof(struct statx, stx_rdev_major)', 128],
    ['offsetof(struct statx, stx_dev_major)', 136],
    ['offsetof(struct statx, stx_mnt_id)', 144],
    ['sizeof(struct statfs)', 120],
    ['offsetof(struct statfs, f_bsize)', 8],
    ['offsetof(struct statfs, f_blocks)', 16],
    ['offsetof(struct statfs, f_bfree)', 24],
    ['offsetof(struct statfs, f_bavail)', 32],
    ['offsetof(struct statfs, f_files)', 40],
    ['offsetof(struct statfs, f_ffree)', 48],
    ['offsetof(struct statfs, f_namelen)', 64],
    ['offsetof(struct statfs, f_frsize)', 72],
    ['offsetof(struct statfs, f_flags)', 80],
    ['offsetof(struct dirent64, d_reclen)', 16],
    ['offsetof(struct dirent64, d_type)', 18],
    ['offsetof(struct dirent64, d_name)', 19],
    ['sizeof(struct open_how)', 24],
    ['offsetof(struct open_how, mode)', 8],
    ['offsetof(struct open_how, resolve)', 16],
    ['sizeof(struct rlimit)', 16],
    ['offsetof(struct rlimit, rlim_max)', 8],
    ['sizeof(struct flock)', 32],
    ['offsetof(struct flock, l_whence)', 2],
    ['offsetof(struct flock, l_pid)', 24],
    ['sizeof(struct msghdr)', 56],
    ['offsetof(struct msghdr, msg_iov)', 16],
    ['offsetof(struct msghdr, msg_iovlen)', 24],
    ['offsetof(struct msghdr, msg_control)', 32],
    ['offsetof(struct msghdr, msg_controllen)', 40],
    ['sizeof(struct iovec)', 16],
    ['offsetof(struct iovec, iov_len)', 8],
    ['offsetof(struct cmsghdr, cmsg_level)', 8],
    ['offsetof(struct cmsghdr, cmsg_type)', 12],
    ['sizeof(struct cmsghdr)', 16],
    ['CMSG_LEN(sizeof(int))', 20],
    ['CMSG_SPACE(sizeof(int))', 24],
    ['sizeof(struct timespec)', 16],
    ['offsetof(struct timespec, tv_nsec)', 8],
  ] as const;
  const expressions = fields.map(([expression]) => expression);
  const measured = evaluate(expressions, 'time dirent fcntl sys/resource sys/socket sys/stat sys/vfs linux/openat2');
  expect(expressions.map((expression, i) => [expression, measured[i]])).toEqual(fields);
});
