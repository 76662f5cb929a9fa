import { createHash, hash } from 'node:crypto';
import type { DirHandle, FileHandle, FsPort } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';

/** Our names and OpenSSL's. `blake2b` is the one of 512 bits, as b2sum and Portage's Manifests have it. */
const algorithms = { md5: 'md5', sha256: 'sha256', blake2b: 'blake2b512' } as const;

export type DigestName = keyof typeof algorithms;

/** From the weakest to the strongest. */
export const digestNames = Object.keys(algorithms) as readonly DigestName[];

/** Lower-case hex by algorithm. */
export type Digests = Readonly<Partial<Record<DigestName, string>>>;

/** How many hex digits a digest has. */
export const digestLengths: Readonly<Record<DigestName, number>> = { md5: 32, sha256: 64, blake2b: 128 };

/** Bytes that were read once, in all the digests that were asked for. */
export interface Digested {
  /** As read, which a file that is written to meanwhile need not have any more. */
  readonly size: number;
  readonly digests: Digests;
}

/** Several digests of data that comes in pieces, for instance while it is copied. */
export function startDigests(names: readonly DigestName[]): { update(data: Uint8Array): void; finish(): Digested } {
  const hashes = names.map((name) => createHash(algorithms[name]));
  let size = 0;
  return {
    update(data) {
      size += data.byteLength;
      for (const one of hashes) one.update(data);
    },
    finish: () => ({ size, digests: digestsOf(names, (_, at) => hashes[at]?.digest('hex') ?? '') }),
  };
}

export function digestData(names: readonly DigestName[], data: Uint8Array): Digests {
  return digestsOf(names, (name) => hash(algorithms[name], data, 'hex'));
}

function digestsOf(names: readonly DigestName[], digest: (name: DigestName, at: number) => string): Digests {
  return Object.fromEntries(names.map((name, at) => [name, digest(name, at)]));
}

/** Of the buffer that a file is read through. */
export const DIGEST_CHUNK: number = 256 * 1024;

/** What {@link fileDigester} makes. A regular file by name in a directory. @throws SyscallError ENOENT, ELOOP, EACCES, EIO … */
export type DigestFile = (dir: DirHandle, name: Bytes) => Digested;

/** Reads each file once for all of `names`, through one buffer of its own: one for each thread. */
export function fileDigester(
  names: readonly DigestName[],
  fs: Pick<FsPort, 'openFile' | 'read' | 'closeFile'>,
): DigestFile {
  const buffer = Buffer.allocUnsafeSlow(DIGEST_CHUNK);
  return (dir, name) => {
    const file = fs.openFile(dir, name);
    try {
      return digestHandle(file, names, buffer, fs);
    } finally {
      fs.closeFile(file);
    }
  };
}

/** An open file, from where it is, through `buffer`. @throws SyscallError EIO … */
export function digestHandle(
  file: FileHandle,
  names: readonly DigestName[],
  buffer: Buffer,
  fs: Pick<FsPort, 'read'>,
): Digested {
  let filled = 0;
  let count: number;
  do {
    count = fs.read(file, buffer.subarray(filled));
    filled += count;
  } while (count > 0 && filled < buffer.length);
  // Most files end here: one call each instead of three.
  if (count === 0) return { size: filled, digests: digestData(names, buffer.subarray(0, filled)) };
  const running = startDigests(names);
  for (; filled > 0; filled = fs.read(file, buffer)) running.update(buffer.subarray(0, filled));
  return running.finish();
}
