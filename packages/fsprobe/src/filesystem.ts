/** statfs(2) magic numbers, from linux/magic.h and the file systems' own sources. */
const names: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x858458f6: 'ramfs',
  0x794c7630: 'overlay',
  0x65735546: 'fuse',
  0x6969: 'nfs',
  0xff534d42: 'cifs',
  0x4d44: 'vfat',
  0x2011bab0: 'exfat',
  0xf2f52010: 'f2fs',
  0xca451a4e: 'bcachefs',
  0x2fc12fc1: 'zfs',
  0x73717368: 'squashfs',
  0xe0f5e1e2: 'erofs',
  0xf15f: 'ecryptfs',
  0xfe534d42: 'smb2',
  0x01021997: '9p',
  0x00c36400: 'ceph',
  0x5346414f: 'afs',
};

/** The name of a file system by its statfs magic (ext2 and ext3 share ext4's), or the number in hex. */
export function filesystemName(magic: number): string {
  return names[magic] ?? `0x${magic.toString(16)}`;
}

/**
 * overlay gives EXDEV for the rename of a directory that its lower layer holds, though all else says one mount
 * (Documentation/filesystems/overlayfs.rst, "renaming directories").
 */
export function renamesDirectories(magic: number): boolean {
  return filesystemName(magic) !== 'overlay';
}

/** Served by another process or another machine, which may never answer a call. */
const served: readonly string[] = ['fuse', 'nfs', 'cifs', 'smb2', '9p', 'ceph', 'afs'];

/** The same as /proc/PID/mountinfo names them; autofs asks a process before it mounts. */
export const servedTypes: readonly string[] = [
  'fuse',
  'fuseblk',
  'virtiofs',
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  '9p',
  'ceph',
  'afs',
  'autofs',
];

export function mayNeverAnswer(magic: number): boolean {
  return served.includes(filesystemName(magic));
}
