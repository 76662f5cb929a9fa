import { ascii } from './bytes.ts';
import {
  _LINUX_CAPABILITY_VERSION_3,
  AT_FDCWD,
  CLOSE_RANGE_CLOEXEC,
  O_CLOEXEC,
  O_RDONLY,
  PR_SET_PDEATHSIG,
  SYS_close_range,
} from './constants.ts';
import { failed } from './errno.ts';
import { read } from './io.ts';
import { native } from './native.ts';
import { close, openat } from './open.ts';

/** Sets the umask of the whole process, all threads: the one before. See umask(2). */
export function umask(mask: number): number {
  return native().umask(mask);
}

/**
 * The umask, read without setting it: umask(2) can only swap, and another thread may create a file in between.
 * @returns undefined without /proc (`Umask:` since Linux 4.7)
 */
export function currentUmask(): number | undefined {
  let fd: number;
  try {
    fd = openat(AT_FDCWD, ascii('/proc/thread-self/status'), O_RDONLY | O_CLOEXEC);
  } catch {
    return undefined;
  }
  try {
    const head = Buffer.alloc(1024);
    const digits = /^Umask:\s*([0-7]+)$/m.exec(head.latin1Slice(0, read(fd, head)))?.[1];
    return digits === undefined ? undefined : Number.parseInt(digits, 8);
  } finally {
    close(fd);
  }
}

/**
 * At most 256 random bytes, which come whole. See getrandom(2). What Node has for it takes 4 ms to load.
 * @throws SyscallError ENOSYS before Linux 3.17, EPERM where a sandbox forbids it
 */
export function randomBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (native().getrandom(bytes, length, 0) !== length) throw failed('getrandom');
  return bytes;
}

/** Effective user id. See geteuid(2). */
export function geteuid(): number {
  return native().geteuid();
}

/**
 * From now on this process gets `signal` when the thread that started it ends, however that ends; not when it has ended
 * already. The children of this process do not inherit it. See PR_SET_PDEATHSIG(2const).
 * @param signal its number
 */
export function setParentDeathSignal(signal: number): void {
  if (native().prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) === -1) throw failed('prctl(PR_SET_PDEATHSIG)');
}

/**
 * From now on no program that this process starts inherits a descriptor of `first` or above: neither what a library
 * opened nor what this process was itself given. See close_range(2).
 * @throws SyscallError EINVAL before Linux 5.11, ENOSYS before 5.9
 */
export function closeOnExec(first: number): void {
  if (native().syscall3(SYS_close_range, first, 0xffff_ffff, CLOSE_RANGE_CLOEXEC) === -1) throw failed('close_range');
}

/** What a resource is limited to, in its unit; Infinity for no limit. The soft one holds, and may be raised up to the hard one. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;
const limits = new DataView(new ArrayBuffer(32));
const [newLimit, oldLimit] = [Buffer.from(limits.buffer, 0, 16), Buffer.from(limits.buffer, 16, 16)];

/**
 * What limits a process, and with `limit` sets that. See prlimit(2).
 * @param pid 0 is this process
 * @param resource RLIMIT_*
 * @returns what it was before
 * @throws SyscallError ESRCH, EPERM for somebody else's process or a hard limit that is raised
 */
export function prlimit(pid: number, resource: number, limit?: Limit): Limit {
  // Address 0 is NULL: nothing is set.
  let argument: number | Buffer = 0;
  if (limit !== undefined) {
    limits.setBigUint64(0, encode(limit.soft), true);
    limits.setBigUint64(8, encode(limit.hard), true);
    argument = newLimit as Buffer;
  }
  if (native().prlimit(pid, resource, argument, oldLimit as Buffer) === -1) throw failed('prlimit');
  return { soft: decode(limits.getBigUint64(16, true)), hard: decode(limits.getBigUint64(24, true)) };
}

function encode(value: number): bigint {
  return value === Number.POSITIVE_INFINITY ? RLIM_INFINITY : BigInt(value);
}

function decode(value: bigint): number {
  return value === RLIM_INFINITY ? Number.POSITIVE_INFINITY : Number(value);
}

/** A capability by its number (linux/capability.h), and all capabilities as two words of 32 bits each. */
const CAPABILITY_WORDS = 2;

/**
 * Gives up every capability of this thread but these, for good: what it may do now and could take back. The other
 * threads of the process keep theirs. See capabilities(7), capset(2).
 * @param kept numbers of capabilities, CAP_*
 */
export function keepCapabilities(kept: readonly number[]): void {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(_LINUX_CAPABILITY_VERSION_3, 0);
  // Of each word: effective, permitted, inheritable.
  const sets = Buffer.alloc(12 * CAPABILITY_WORDS);
  if (native().capget(header, sets) === -1) throw failed('capget');
  for (let word = 0; word < CAPABILITY_WORDS; word++) {
    const mask = kept.reduce((bits, one) => (one >> 5 === word ? bits | (1 << (one & 31)) : bits), 0) >>> 0;
    for (const offset of [0, 4]) {
      const at = 12 * word + offset;
      sets.writeUInt32LE((sets.readUInt32LE(at) & mask) >>> 0, at);
    }
    sets.writeUInt32LE(0, 12 * word + 8);
  }
  if (native().capset(header, sets) === -1) throw failed('capset');
}
