/**
 * The one file that names koffi. It is loaded by the first call (10 to 20 ms), never by an import, and every
 * function is bound then: nothing is left to load when a merge replaces the files that this runs from.
 *
 * Variadic functions (openat, ioctl, fcntl, prctl, syscall) are declared with fixed arguments: for integers and
 * pointers the Linux ABIs of x86-64 and arm64 pass both alike. Buffers go as `void *`: a koffi struct costs 3.5 µs a call.
 */
import { createRequire } from 'node:module';
import { PLATFORMS, UnsupportedPlatformError } from './platform.ts';

/** C prototypes; the key is the name used here. `int64` stands for ssize_t and off_t, which koffi does not know. */
const PROTOTYPES = {
  syscall5: 'int64 syscall(int64, int64, void *, void *, uint64)',
  openat: 'int openat(int, void *, int, uint32_t)',
  close: 'int close(int)',
  fcntl: 'int fcntl(int, int, int64)',
  fcntlBuffer: 'int fcntl(int, int, void *)',
  read: 'int64 read(int, void *, uint64)',
  pread: 'int64 pread(int, void *, uint64, int64)',
  write: 'int64 write(int, void *, uint64)',
  pwrite: 'int64 pwrite(int, void *, uint64, int64)',
  lseek: 'int64 lseek(int, int64, int)',
  faccessat: 'int faccessat(int, void *, int, int)',
  statx: 'int statx(int, void *, int, uint32_t, void *)',
  getdents64: 'int64 getdents64(int, void *, uint64)',
  renameat: 'int renameat(int, void *, int, void *)',
  renameat2: 'int renameat2(int, void *, int, void *, uint32_t)',
  linkat: 'int linkat(int, void *, int, void *, int)',
  unlinkat: 'int unlinkat(int, void *, int)',
  symlinkat: 'int symlinkat(void *, int, void *)',
  readlinkat: 'int64 readlinkat(int, void *, void *, uint64)',
  mkdirat: 'int mkdirat(int, void *, uint32_t)',
  mknodat: 'int mknodat(int, void *, uint32_t, uint64)',
  fchownat: 'int fchownat(int, void *, uint32_t, uint32_t, int)',
  fchown: 'int fchown(int, uint32_t, uint32_t)',
  fchmodat: 'int fchmodat(int, void *, uint32_t, int)',
  fchmod: 'int fchmod(int, uint32_t)',
  chmod: 'int chmod(void *, uint32_t)',
  utimensat: 'int utimensat(int, void *, void *, int)',
  futimens: 'int futimens(int, void *)',
  getxattr: 'int64 getxattr(void *, void *, void *, uint64)',
  lgetxattr: 'int64 lgetxattr(void *, void *, void *, uint64)',
  fgetxattr: 'int64 fgetxattr(int, void *, void *, uint64)',
  setxattr: 'int setxattr(void *, void *, void *, uint64, int)',
  lsetxattr: 'int lsetxattr(void *, void *, void *, uint64, int)',
  fsetxattr: 'int fsetxattr(int, void *, void *, uint64, int)',
  listxattr: 'int64 listxattr(void *, void *, uint64)',
  llistxattr: 'int64 llistxattr(void *, void *, uint64)',
  flistxattr: 'int64 flistxattr(int, void *, uint64)',
  removexattr: 'int removexattr(void *, void *)',
  lremovexattr: 'int lremovexattr(void *, void *)',
  fremovexattr: 'int fremovexattr(int, void *)',
  ioctlValue: 'int ioctl(int, uint64, int64)',
  ioctlBuffer: 'int ioctl(int, uint64, void *)',
  copy_file_range: 'int64 copy_file_range(int, void *, int, void *, uint64, uint32_t)',
  ftruncate: 'int ftruncate(int, int64)',
  fsync: 'int fsync(int)',
  fdatasync: 'int fdatasync(int)',
  syncfs: 'int syncfs(int)',
  fstatfs: 'int fstatfs(int, void *)',
  flock: 'int flock(int, int)',
  umask: 'uint32_t umask(uint32_t)',
  geteuid: 'uint32_t geteuid()',
  getrandom: 'int64 getrandom(void *, uint64, uint32_t)',
  prctl: 'int prctl(int, uint64, uint64, uint64, uint64)',
  prlimit: 'int prlimit(int, int, void *, void *)',
  pipe2: 'int pipe2(void *, int)',
  socketpair: 'int socketpair(int, int, int, void *)',
  sendmsg: 'int64 sendmsg(int, void *, int)',
  recvmsg: 'int64 recvmsg(int, void *, int)',
  syscall3: 'int64 syscall(int64, uint32_t, uint32_t, uint32_t)',
  capget: 'int capget(void *, void *)',
  capset: 'int capset(void *, void *)',
  memfd_create: 'int memfd_create(void *, uint32_t)',
  mmap: 'void *mmap(void *, uint64, int, int, int, int64)',
  munmap: 'int munmap(void *, uint64)',
} as const;

/** C functions: numbers and Buffers in, a number out (-1 and errno for a failure). */
export type Native = { readonly [call in keyof typeof PROTOTYPES]: (...args: (number | Uint8Array)[]) => number } & {
  /** errno of the last call on this thread that failed. */
  errno(): number;
  /** The memory that a pointer leads to: not to be used once it is unmapped. */
  view(pointer: number, length: number): ArrayBuffer;
  /** Where a Buffer's memory lies: for good when it was made over an ArrayBuffer of its own. */
  address(buffer: Uint8Array): bigint;
};

/** The part of koffi that is used. */
export interface Koffi {
  load(path: null): { func(prototype: string): (...args: (number | Uint8Array)[]) => number };
  errno(): number;
  view(pointer: number, length: number): ArrayBuffer;
  address(buffer: Uint8Array): bigint;
}

/** `(void *) -1`, as koffi gives pointers. */
export const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

let bound: Native | undefined;

/** The C library's functions, bound once for each thread. Throws UnsupportedPlatformError. */
export function native(): Native {
  bound ??= bindNative(`${process.platform}-${process.arch}`, requireKoffi);
  return bound;
}

/** Synchronous, which an import is not. Written so that tools which look for dependencies see it. */
function requireKoffi(): Koffi {
  const require = createRequire(import.meta.url);
  return require('koffi') as Koffi;
}

/**
 * What {@link native} does the first time.
 * @param platform `process.platform-process.arch`
 * @param load requires koffi; it throws where koffi has no binary
 */
export function bindNative(platform: string, load: () => Koffi): Native {
  if (!PLATFORMS.includes(platform)) throw new UnsupportedPlatformError(platform);
  let koffi: Koffi;
  try {
    koffi = load();
  } catch (cause) {
    throw new UnsupportedPlatformError(platform, { cause });
  }
  // null is the process itself: whichever C library Node runs on.
  const library = koffi.load(null);
  const { errno, view, address } = koffi;
  let last = 0;
  // Read at once: what V8 does between two calls (collecting garbage, for one) makes system calls too.
  const keep: Keep = (result) => {
    if (result === -1 || (result as unknown) === MAP_FAILED) last = errno();
    return result;
  };
  const calls = Object.entries(PROTOTYPES).map(([name, prototype]) => {
    const bind = BY_ARITY[prototype.endsWith('()') ? 0 : prototype.split(',').length];
    if (bind === undefined) throw new Error(`bug: \`${name}\` has more arguments than any function here`);
    return [name, bind(library.func(prototype), keep)];
  });
  return { ...Object.fromEntries(calls), errno: () => last, view, address } as Native;
}

type Argument = number | Uint8Array;
type Call = (...args: Argument[]) => number;
type Keep = (result: number) => number;

/** A call whose errno is kept. One for each number of arguments: collecting them into an array would cost more than the check. */
const BY_ARITY: readonly ((call: Call, keep: Keep) => Call)[] = [
  (call, keep) => () => keep(call()),
  (call, keep) => (a) => keep(call(a as Argument)),
  (call, keep) => (a, b) => keep(call(a as Argument, b as Argument)),
  (call, keep) => (a, b, c) => keep(call(a as Argument, b as Argument, c as Argument)),
  (call, keep) => (a, b, c, d) => keep(call(a as Argument, b as Argument, c as Argument, d as Argument)),
  (call, keep) => (a, b, c, d, e) =>
    keep(call(a as Argument, b as Argument, c as Argument, d as Argument, e as Argument)),
  (call, keep) => (a, b, c, d, e, f) =>
    keep(call(a as Argument, b as Argument, c as Argument, d as Argument, e as Argument, f as Argument)),
];
