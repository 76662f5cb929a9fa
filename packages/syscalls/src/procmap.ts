import type { Bytes } from './bytes.ts';
import { makedev } from './device.ts';
import { ENOENT, failed, interrupted } from './errno.ts';
import { native } from './native.ts';
import { PATH_MAX } from './path.ts';

/** From linux/fs.h of Linux 6.11, alike on all architectures; the headers of most machines are older. */
const PROCMAP_QUERY = 0xc0686611;
const COVERING_OR_NEXT_VMA = 0x10;
/** Only mappings that may be executed, only those of files. */
export const PROCMAP_QUERY_VMA_EXECUTABLE = 0x04;
export const PROCMAP_QUERY_FILE_BACKED_VMA = 0x20;

/** One mapping of a process. */
export interface QueriedMapping {
  /** Addresses; `end` is the first behind it. */
  readonly start: bigint;
  readonly end: bigint;
  /** As maps has it, and not what stat says on btrfs and overlay. */
  readonly dev: number;
  readonly ino: bigint;
  /** Of the file, byte-exact, ` (deleted)` and all. Empty for memory that is of no file. */
  readonly name: Bytes;
}

/** struct procmap_query of linux/fs.h, and the name that it points to. */
class Reply implements QueriedMapping {
  readonly bytes: Buffer = Buffer.from(new ArrayBuffer(104));
  readonly #view = new DataView(this.bytes.buffer);
  readonly #name = Buffer.from(new ArrayBuffer(PATH_MAX));

  /** Before each question, for the answer writes over some of it. */
  ask(address: bigint, flags: number): void {
    if (this.#view.getUint32(0, true) === 0) {
      this.#view.setBigUint64(0, BigInt(this.bytes.byteLength), true);
      this.#view.setBigUint64(88, native().address(this.#name), true);
    }
    this.#view.setUint32(8, flags | COVERING_OR_NEXT_VMA, true);
    this.#view.setBigUint64(16, address, true);
    this.#view.setUint32(80, PATH_MAX, true);
  }
  get start(): bigint {
    return this.#view.getBigUint64(24, true);
  }
  get end(): bigint {
    return this.#view.getBigUint64(32, true);
  }
  get ino(): bigint {
    return this.#view.getBigUint64(64, true);
  }
  get dev(): number {
    return makedev(this.#view.getUint32(72, true), this.#view.getUint32(76, true));
  }
  get name(): Bytes {
    const length = this.#view.getUint32(80, true);
    return this.#name.latin1Slice(0, Math.max(length - 1, 0)) as Bytes;
  }
}

const reply = new Reply();

/**
 * The mapping at an address or the first one after it, without the text of all others. Linux 6.11: PROCMAP_QUERY in
 * Documentation/filesystems/proc.rst. The answer is a view of ONE buffer for the whole thread, good until the next call.
 * @param maps an open /proc/PID/maps
 * @param flags PROCMAP_QUERY_*: which mappings count; 0 for all
 * @returns undefined when there is none
 * @throws SyscallError ENOTTY before Linux 6.11, ENAMETOOLONG for a path that is longer than PATH_MAX, ESRCH
 */
export function nextMapping(maps: number, address: bigint, flags: number): QueriedMapping | undefined {
  let status: number;
  do {
    reply.ask(address, flags);
    status = native().ioctlBuffer(maps, PROCMAP_QUERY, reply.bytes);
  } while (status === -1 && interrupted());
  if (status === 0) return reply;
  if (native().errno() === ENOENT) return undefined;
  throw failed('ioctl(PROCMAP_QUERY)');
}
