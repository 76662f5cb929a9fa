export { chmod, fchmod, fchmodat, fchown, fchownat, futimens, utimensat } from './attributes.ts';
export { ascii, type Bytes, show, toBuffer, toBytes } from './bytes.ts';
export * from './constants.ts';
export { copyFileRange, ficlone, ftruncate } from './content.ts';
export { major, makedev, minor } from './device.ts';
export { getdents64 } from './dir.ts';
export { errnoName } from './errno.ts';
export { isErrno, SyscallError } from './error.ts';
export { getInodeFlags, setInodeFlags } from './flags.ts';
export { lseek, pread, pwrite, read, write } from './io.ts';
export { flock, getLease, recordLock, recordLockHolder, setLease, setLeaseSignal } from './locks.ts';
export { type Mapping, mapShared, memfdCreate } from './memory.ts';
export { linkat, mkdirat, mknodat, readlinkat, renameat, renameat2, symlinkat, unlinkat } from './names.ts';
export { close, dup, open, openat, openat2, pipe } from './open.ts';
export { PATH_MAX, type PathArgument } from './path.ts';
export { UnsupportedPlatformError } from './platform.ts';
export {
  closeOnExec,
  currentUmask,
  geteuid,
  keepCapabilities,
  type Limit,
  prlimit,
  randomBytes,
  setParentDeathSignal,
  umask,
} from './process.ts';
export {
  nextMapping,
  PROCMAP_QUERY_FILE_BACKED_VMA,
  PROCMAP_QUERY_VMA_EXECUTABLE,
  type QueriedMapping,
} from './procmap.ts';
export { receiveDescriptor, sendDescriptor, socketPair } from './sockets.ts';
export { faccessat, type Statx, statx, type Time, tryStatx } from './stat.ts';
export { fstatfs, type Statfs } from './statfs.ts';
export { fdatasync, fsync, syncfs } from './sync.ts';
export {
  fgetxattr,
  flistxattr,
  fremovexattr,
  fsetxattr,
  getxattr,
  lgetxattr,
  listxattr,
  llistxattr,
  lremovexattr,
  lsetxattr,
  removexattr,
  setxattr,
} from './xattr.ts';
