import {
  AT_EACCESS,
  AT_NO_AUTOMOUNT,
  AT_SYMLINK_NOFOLLOW,
  ascii,
  type Bytes,
  close,
  faccessat,
  getdents64,
  isErrno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_RDONLY,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  S_IFDIR,
  S_IFMT,
  STATX_INO,
  STATX_TYPE,
  tryStatx,
  W_OK,
} from '@emplace/syscalls';

/** The inode number of every subvolume's top directory (BTRFS_FIRST_FREE_OBJECTID in linux/btrfs_tree.h). */
export const SUBVOLUME_INO = 256n;

const DT_UNKNOWN = 0;
const DT_DIR = 4;
/** Not over a mount: what is mounted there is listed elsewhere and need not be btrfs. A subvolume is no mount. */
const WITHIN_MOUNT = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
/** What a directory gives that was removed, or gave way to something else, since its parent was read. */
const GONE: readonly string[] = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV'];

export interface FoundSubvolume {
  /** Below the directory that the walk began at. */
  readonly path: Bytes;
  readonly dev: number;
  readonly readOnly: boolean;
}

export interface UnreadDirectory {
  readonly path: Bytes;
  /** errno name. */
  readonly code: string;
}

/**
 * Walks all directories of one btrfs mount from `top` (a descriptor) downwards.
 * Not guaranteed: what is made, renamed or removed during the walk may be missed. A directory whose path below `top`
 * is as long as PATH_MAX is named as unread.
 */
export function findSubvolumes(
  top: number,
  mountId: number,
  dev: number,
): { subvolumes: FoundSubvolume[]; unread: UnreadDirectory[] } {
  const subvolumes: FoundSubvolume[] = [];
  const unread: UnreadDirectory[] = [];
  const pending: { readonly path: Bytes; readonly dev: number }[] = [{ path: ascii(''), dev }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, dev } = next;
    try {
      for (const below of directoriesIn(top, path, mountId)) {
        pending.push(below);
        if (below.dev !== dev && below.ino === SUBVOLUME_INO) subvolumes.push(below);
      }
    } catch (error) {
      if (!isErrno(error)) throw error;
      if (!GONE.includes(error.code)) unread.push({ path, code: error.code });
    }
  }
  return { subvolumes, unread };
}

function directoriesIn(top: number, path: Bytes, mountId: number): (FoundSubvolume & { readonly ino: bigint })[] {
  const dir = openat2(top, path === '' ? ascii('.') : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, WITHIN_MOUNT);
  try {
    const names: Bytes[] = [];
    const collect = (name: Bytes, type: number): void => {
      if (type === DT_DIR || type === DT_UNKNOWN) names.push(name);
    };
    while (getdents64(dir, collect));
    return names.flatMap((name) => {
      const found = tryStatx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO);
      if (found === undefined || (found.mode & S_IFMT) !== S_IFDIR || found.mountId !== mountId) return [];
      const { ino, dev } = found;
      const readOnly = ino === SUBVOLUME_INO && refusesWriting(dir, name);
      return [{ path: (path === '' ? name : `${path}/${name}`) as Bytes, ino, dev, readOnly }];
    });
  } finally {
    close(dir);
  }
}

/** Whether writing gives EROFS: a subvolume's own property shows in no list of mounts. btrfs says it before it looks at permissions. */
export function refusesWriting(at: number, name: Bytes): boolean {
  try {
    faccessat(at, name, W_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW);
    return false;
  } catch (error) {
    if (isErrno(error)) return error.code === 'EROFS';
    throw error;
  }
}
