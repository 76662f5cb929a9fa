/** Numbers of the kernel's interface, checked against the C headers of x86-64 and arm64 by test/constants.test.ts. */

/** The open flags that the two architectures number differently (arch/arm64/include/uapi/asm/fcntl.h). */
export const OPEN_FLAGS_BY_ARCH = {
  x64: { O_DIRECT: 0x4000, O_LARGEFILE: 0x8000, O_DIRECTORY: 0x10000, O_NOFOLLOW: 0x20000 },
  arm64: { O_DIRECT: 0x10000, O_LARGEFILE: 0x20000, O_DIRECTORY: 0x4000, O_NOFOLLOW: 0x8000 },
} as const;

const flags = process.arch === 'arm64' ? OPEN_FLAGS_BY_ARCH.arm64 : OPEN_FLAGS_BY_ARCH.x64;

// open(2)
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0x40;
export const O_EXCL = 0x80;
export const O_NOCTTY = 0x100;
export const O_TRUNC = 0x200;
export const O_APPEND = 0x400;
export const O_NONBLOCK = 0x800;
export const O_DIRECT: number = flags.O_DIRECT;
export const O_LARGEFILE: number = flags.O_LARGEFILE;
export const O_DIRECTORY: number = flags.O_DIRECTORY;
export const O_NOFOLLOW: number = flags.O_NOFOLLOW;
export const O_NOATIME = 0x40000;
export const O_CLOEXEC = 0x80000;
export const O_PATH = 0x200000;
export const O_TMPFILE: number = 0x400000 | flags.O_DIRECTORY;

// openat2(2)
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;
/** One number on every architecture. */
export const SYS_openat2 = 437;

// close_range(2)
export const CLOSE_RANGE_CLOEXEC = 4;
/** One number on every architecture. */
export const SYS_close_range = 436;

// the *at calls
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
/** To faccessat, which takes no AT_REMOVEDIR: the same number. */
export const AT_EACCESS = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;
export const AT_STATX_DONT_SYNC = 0x4000;

// access(2)
export const X_OK = 1;
export const W_OK = 2;

// lseek(2)
export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

// inode(7)
export const S_IFMT = 0xf000;
export const S_IFIFO = 0x1000;
export const S_IFCHR = 0x2000;
export const S_IFDIR = 0x4000;
export const S_IFBLK = 0x6000;
export const S_IFREG = 0x8000;
export const S_IFLNK = 0xa000;
export const S_IFSOCK = 0xc000;

// getdents64(2); each is S_IFMT's value shifted right by 12
export const DT_UNKNOWN = 0;
export const DT_FIFO = 1;
export const DT_CHR = 2;
export const DT_DIR = 4;
export const DT_BLK = 6;
export const DT_REG = 8;
export const DT_LNK = 10;
export const DT_SOCK = 12;

// statx(2)
export const STATX_TYPE = 0x0001;
export const STATX_MODE = 0x0002;
export const STATX_NLINK = 0x0004;
export const STATX_UID = 0x0008;
export const STATX_GID = 0x0010;
export const STATX_ATIME = 0x0020;
export const STATX_MTIME = 0x0040;
export const STATX_CTIME = 0x0080;
export const STATX_INO = 0x0100;
export const STATX_SIZE = 0x0200;
export const STATX_BLOCKS = 0x0400;
export const STATX_BASIC_STATS = 0x07ff;
export const STATX_BTIME = 0x0800;
/** Linux 5.8. */
export const STATX_MNT_ID = 0x1000;
export const STATX_ATTR_COMPRESSED = 0x0004;
export const STATX_ATTR_IMMUTABLE = 0x0010;
export const STATX_ATTR_APPEND = 0x0020;
export const STATX_ATTR_NODUMP = 0x0040;
export const STATX_ATTR_ENCRYPTED = 0x0800;
export const STATX_ATTR_AUTOMOUNT = 0x1000;
/** Linux 5.8. */
export const STATX_ATTR_MOUNT_ROOT = 0x2000;
export const STATX_ATTR_VERITY = 0x100000;
export const STATX_ATTR_DAX = 0x200000;

// renameat2(2)
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

// utimensat(2), as nsec
export const UTIME_NOW = 0x3fffffff;
export const UTIME_OMIT = 0x3ffffffe;

// setxattr(2)
export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;

// statfs(2)
export const ST_RDONLY = 1;
export const ST_NOSUID = 2;
export const ST_NODEV = 4;
export const ST_NOEXEC = 8;

// flock(2)
export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

// fcntl(2)
export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;
export const F_SETSIG = 10;
/** Linux 3.15. */
export const F_OFD_GETLK = 36;
export const F_OFD_SETLK = 37;
export const F_SETLEASE = 1024;
export const F_GETLEASE = 1025;
export const F_DUPFD_CLOEXEC = 1030;

// ioctl_ficlone(2), ioctl_iflags(2)
export const FICLONE = 0x40049409;
export const FS_IOC_GETFLAGS = 0x80086601;
export const FS_IOC_SETFLAGS = 0x40086602;
export const FS_IMMUTABLE_FL = 0x10;
export const FS_APPEND_FL = 0x20;
export const FS_NOCOW_FL = 0x800000;

// socketpair(2), sendmsg(2), unix(7)
export const AF_UNIX = 1;
export const SOCK_SEQPACKET = 5;
export const SOCK_CLOEXEC = 0x80000;
export const SOL_SOCKET = 1;
export const SCM_RIGHTS = 1;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;

// prlimit(2)
export const RLIMIT_CPU = 0;
export const RLIMIT_FSIZE = 1;
export const RLIMIT_CORE = 4;
export const RLIMIT_NPROC = 6;
export const RLIMIT_NOFILE = 7;
export const RLIMIT_AS = 9;

// prctl(2)
export const PR_SET_PDEATHSIG = 1;

// mmap(2), memfd_create(2)
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 1;
export const MFD_CLOEXEC = 1;

// capabilities(7)
export const _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
export const CAP_CHOWN = 0;
export const CAP_DAC_OVERRIDE = 1;
export const CAP_DAC_READ_SEARCH = 2;
export const CAP_FOWNER = 3;
export const CAP_FSETID = 4;
export const CAP_SYS_PTRACE = 19;
export const CAP_SYS_ADMIN = 21;
export const CAP_SYS_RESOURCE = 24;
export const CAP_MKNOD = 27;
export const CAP_SETFCAP = 31;
