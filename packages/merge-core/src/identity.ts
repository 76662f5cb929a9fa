import type { Stat } from '@emplace/fsprobe';

/**
 * Tells one directory from a later one that has its name: device, inode and, where the file system says it, the time of its making.
 * An inode number alone is handed out again at once, and each btrfs snapshot's top has the same.
 */
export function identityOf({ dev, ino, born }: Stat): string {
  return born === undefined ? `${dev}:${ino}` : `${dev}:${ino}:${born.sec}.${born.nsec}`;
}
