import { type DirHandle, type FsPort, filesystemName, type Stat } from '@emplace/fsprobe';
import { statDirectory } from './plan/survey.ts';

/**
 * Tells one directory from a later one that has its name: device, inode and, where the file system says it, the time of its making.
 * An inode number alone is handed out again at once, and each btrfs snapshot's top has the same.
 */
export function identityOf({ dev, ino, born }: Stat): string {
  return born === undefined ? `${dev}:${ino}` : `${dev}:${ino}:${born.sec}.${born.nsec}`;
}

/**
 * The same for a directory of a disk after a reboot, or when it is mounted again: its device may have another number then. Inode and time
 * of making stay; btrfs snapshots share both, but not f_fsid, which has the subvolume in it (btrfs_statfs). That of ext4 is made of
 * the UUID (ext4_statfs), that of xfs of the device's number (xfs_fs_statfs). Of other kinds no more is known than the device.
 */
export function lastingIdentity(dir: DirHandle, fs: FsPort): string {
  const stat = statDirectory(dir, fs);
  const { magic, fsid } = fs.space(dir);
  const kind = filesystemName(magic);
  const disk = kind === 'ext4' || kind === 'btrfs' ? fsid : kind === 'xfs' ? kind : undefined;
  if (stat.born === undefined || disk === undefined) return identityOf(stat);
  return `${disk}:${stat.ino}:${stat.born.sec}.${stat.born.nsec}`;
}
