import type { FileHandle, FsPort } from '@emplace/fsprobe';

/** All that is left to read of an open file. */
export function readWhole(file: FileHandle, fs: Pick<FsPort, 'read'>): Buffer {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(256 * 1024);
    const count = fs.read(file, chunk);
    if (count === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, count));
  }
}
