import { failed, interrupted } from './errno.ts';
import { native } from './native.ts';

/** struct statfs. Counts of blocks are in units of `frsize` bytes. */
export interface Statfs {
  /** The file system's magic number, 32 bits. */
  readonly type: number;
  /** Optimal transfer size, bytes. */
  readonly bsize: number;
  /** Bytes a block. */
  readonly frsize: number;
  readonly blocks: number;
  readonly bfree: number;
  /** Free for others than root. */
  readonly bavail: number;
  /** Inodes; 0 where they are not counted. */
  readonly files: number;
  readonly ffree: number;
  /** What tells it from others (f_fsid), as 16 hexadecimal digits; zeros where it has nothing to tell. */
  readonly fsid: string;
  /** Longest name, bytes. */
  readonly namelen: number;
  /** ST_RDONLY and others, of the mount. */
  readonly flags: number;
}

const view = new DataView(new ArrayBuffer(120));
const bytes = Buffer.from(view.buffer);

/** The file system that a descriptor (O_PATH included) is on. See fstatfs(2). */
export function fstatfs(fd: number): Statfs {
  let status: number;
  do status = native().fstatfs(fd, bytes);
  while (status === -1 && interrupted());
  if (status === -1) throw failed('fstatfs');
  const bsize = word(8);
  return {
    type: view.getUint32(0, true),
    bsize,
    frsize: word(72) || bsize,
    blocks: word(16),
    bfree: word(24),
    bavail: word(32),
    files: word(40),
    ffree: word(48),
    fsid: bytes.toString('hex', 56, 64),
    namelen: word(64),
    flags: word(80),
  };
}

function word(at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000;
}
