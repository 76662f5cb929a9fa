import { toBytes } from './bytes.ts';
import { makedev } from './device.ts';
import { ENOENT, failed, interrupted } from './errno.ts';
import { SyscallError } from './error.ts';
import { native } from './native.ts';
import { first, type PathArgument } from './path.ts';

/** Seconds since 1970 (negative before) and nanoseconds, 0 to 999,999,999. */
export interface Time {
  readonly sec: number;
  readonly nsec: number;
}

/** struct statx as a plain object. */
export interface Statx {
  /** STATX_* of the fields that the file system filled in. */
  readonly mask: number;
  readonly blksize: number;
  /** STATX_ATTR_* that are set, among those in `attributesMask` that the file system knows. */
  readonly attributes: number;
  readonly attributesMask: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** Type (S_IFMT) and permission bits. */
  readonly mode: number;
  readonly ino: bigint;
  /** Bytes. */
  readonly size: number;
  /** Allocated, in 512-byte units. */
  readonly blocks: number;
  readonly atime: Time;
  readonly btime: Time;
  readonly ctime: Time;
  readonly mtime: Time;
  /** makedev(3) numbers: what a device node stands for, and the file system's own. */
  readonly rdev: number;
  readonly dev: number;
  /** 0 before Linux 5.8. */
  readonly mountId: number;
}

/** struct statx as it came: getters over one buffer, for who wants a few fields without making the rest. */
class Reply implements Statx {
  readonly bytes: Buffer = Buffer.from(new ArrayBuffer(256));
  readonly #view = new DataView(this.bytes.buffer);

  get mask(): number {
    return this.#view.getUint32(0, true);
  }
  get blksize(): number {
    return this.#view.getUint32(4, true);
  }
  get attributes(): number {
    return this.#view.getUint32(8, true);
  }
  get nlink(): number {
    return this.#view.getUint32(16, true);
  }
  get uid(): number {
    return this.#view.getUint32(20, true);
  }
  get gid(): number {
    return this.#view.getUint32(24, true);
  }
  get mode(): number {
    return this.#view.getUint16(28, true);
  }
  get ino(): bigint {
    return this.#view.getBigUint64(32, true);
  }
  get size(): number {
    return this.#uint64(40);
  }
  get blocks(): number {
    return this.#uint64(48);
  }
  get attributesMask(): number {
    return this.#view.getUint32(56, true);
  }
  get atime(): Time {
    return this.#time(64);
  }
  get btime(): Time {
    return this.#time(80);
  }
  get ctime(): Time {
    return this.#time(96);
  }
  get mtime(): Time {
    return this.#time(112);
  }
  get rdev(): number {
    return this.#device(128);
  }
  get dev(): number {
    return this.#device(136);
  }
  get mountId(): number {
    return this.#uint64(144);
  }

  #uint64(at: number): number {
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x100000000;
  }
  #time(at: number): Time {
    const sec = this.#view.getUint32(at, true) + this.#view.getInt32(at + 4, true) * 0x100000000;
    return { sec, nsec: this.#view.getUint32(at + 8, true) };
  }
  #device(at: number): number {
    return makedev(this.#view.getUint32(at, true), this.#view.getUint32(at + 4, true));
  }
}

const reply = new Reply();

/**
 * What is known of one entry. See statx(2).
 * @param flags AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH (path '' is `dir` itself), AT_NO_AUTOMOUNT
 * @param mask STATX_* that are wanted
 */
export function statx(dir: number, path: PathArgument, flags: number, mask: number): Statx {
  const found = tryStatx(dir, path, flags, mask);
  if (found === undefined) throw new SyscallError('ENOENT', 'statx', [typeof path === 'string' ? path : toBytes(path)]);
  return {
    mask: found.mask,
    blksize: found.blksize,
    attributes: found.attributes,
    attributesMask: found.attributesMask,
    nlink: found.nlink,
    uid: found.uid,
    gid: found.gid,
    mode: found.mode,
    ino: found.ino,
    size: found.size,
    blocks: found.blocks,
    atime: found.atime,
    btime: found.btime,
    ctime: found.ctime,
    mtime: found.mtime,
    rdev: found.rdev,
    dev: found.dev,
    mountId: found.mountId,
  };
}

/**
 * As {@link statx}, for hot paths: undefined for ENOENT, and no object is made. The answer is a view of ONE buffer
 * for the whole thread, good until the next statx: take what is needed at once, never keep it.
 */
export function tryStatx(dir: number, path: PathArgument, flags: number, mask: number): Statx | undefined {
  const name = first(path, 'statx');
  let status: number;
  do status = native().statx(dir, name, flags, mask, reply.bytes);
  while (status === -1 && interrupted());
  if (status === 0) return reply;
  if (native().errno() === ENOENT) return undefined;
  throw failed('statx', path);
}

/**
 * Whether the effective user may do all of `mode` to an entry. See faccessat(2).
 * @param mode W_OK, X_OK
 * @param flags AT_EACCESS, AT_SYMLINK_NOFOLLOW
 * @throws SyscallError EACCES when not, EROFS for W_OK on a read-only file system
 */
export function faccessat(dir: number, path: PathArgument, mode: number, flags: number): void {
  let status: number;
  do status = native().faccessat(dir, first(path, 'faccessat'), mode, flags);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('faccessat', path);
}
