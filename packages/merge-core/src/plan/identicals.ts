import type { Timestamp } from '@emplace/fsprobe';
import type { Identical } from './model.ts';
import { type Layout, PackedList } from './packed-list.ts';

/** Entries that the root has already. */
export type Identicals = PackedList<Identical>;

export function identicals(): Identicals {
  return new PackedList(layout);
}

const layout: Layout<Identical> = {
  width: 36,
  write({ directory, ino, mtime, oldMtime }, to, at) {
    to.setUint32(at, directory, true);
    to.setBigUint64(at + 4, ino, true);
    writeTime(mtime, to, at + 12);
    writeTime(oldMtime, to, at + 24);
  },
  read: (from, at, name) => ({
    directory: from.getUint32(at, true),
    name,
    ino: from.getBigUint64(at + 4, true),
    mtime: readTime(from, at + 12),
    oldMtime: readTime(from, at + 24),
  }),
};

/** Seconds have more than 32 bits, and may be before 1970. */
function writeTime({ sec, nsec }: Timestamp, to: DataView, at: number): void {
  to.setFloat64(at, sec, true);
  to.setUint32(at + 8, nsec, true);
}

function readTime(from: DataView, at: number): Timestamp {
  return { sec: from.getFloat64(at, true), nsec: from.getUint32(at + 8, true) };
}
