/**
 * What lies below a directory on another mount or in another subvolume: where rename(2) and link(2) give EXDEV.
 * st_dev alone does not tell: a bind mount shares it, and a btrfs subvolume has its own on the same mount.
 *
 * Not told: what gives EXDEV within one mount and shows nowhere (a directory of overlay's lower layer, project quotas,
 * encryption policies, subvolumes of bcachefs). Not guaranteed: that a mount point of a network file system whose
 * server is gone can be looked at without waiting for it, though nothing is asked that needs the server.
 */
import {
  AT_EMPTY_PATH,
  ascii,
  type Bytes,
  close,
  fstatfs,
  isErrno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_RDONLY,
  open,
  openat2,
  ST_NODEV,
  ST_NOEXEC,
  ST_NOSUID,
  ST_RDONLY,
  STATX_INO,
  statx,
  toBytes,
} from '@emplace/syscalls';
import { filesystemName } from '../filesystem.ts';
import { type Boundary, inOrder, type MountBoundary, type SubvolumeBoundary } from './boundary.ts';
import { lookAtMounts, STRAIGHT } from './look-at-mounts.ts';
import type { Mount } from './mountinfo.ts';
import { findSubvolumes, refusesWriting, SUBVOLUME_INO, type UnreadDirectory } from './subvolumes.ts';

const HERE = ascii('.');
const ITSELF = ascii('');
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

export interface Boundaries {
  /** Where the directory is, from this process's root directory: absolute, without symlinks. */
  readonly root: Bytes;
  readonly mountId: number;
  readonly dev: number;
  /** The mount that the directory lies in. Not listed after a chroot(2) to a directory that is no mount point. */
  readonly enclosing: Mount | undefined;
  /** By path, each before what lies below it; at one path what is hidden first. `''` is the directory itself. */
  readonly boundaries: readonly Boundary[];
  /** Directories on btrfs that could not be read: whether subvolumes are below is not known. Paths as in `boundaries`. */
  readonly unread: readonly UnreadDirectory[];
  /** Lines of the list of mounts that were not understood: mounts that are not known. */
  readonly unparsed: readonly Bytes[];
}

/** Where subvolumes are looked for: the top of what one mount shows of btrfs at or below the directory. */
interface Area extends Omit<SubvolumeBoundary, 'kind' | 'reach'> {
  readonly fd: number;
  /** Of the mount or file system, and so of all subvolumes on it. */
  readonly readOnly: boolean;
}

/**
 * Every boundary at and below a directory, as this process sees it now.
 * Costs a few calls for each mount; on btrfs each directory is read.
 * @param path text (UTF-8) or raw bytes; symlinks in it are followed, an automount is mounted
 * @throws SyscallError as open(2) gives it: ENOENT, ENOTDIR, EACCES, ELOOP; MountsUnreadableError
 */
export function boundariesUnder(path: string | Uint8Array): Boundaries {
  const top = open(toBytes(path), DIRECTORY);
  try {
    const { root, below, mounts, unparsed } = lookAtMounts(top);
    const { mountId, dev, ino } = statx(top, ITSELF, AT_EMPTY_PATH, STATX_INO);
    const enclosing = mounts.find(({ id }) => id === mountId);
    const { type, flags } = fstatfs(top);
    const found: Boundary[] = [];
    const unread: UnreadDirectory[] = [];
    if (filesystemName(type) === 'btrfs') {
      const area = { fd: top, path: ITSELF, mountId, dev, ...partFlags(flags) };
      if (ino === SUBVOLUME_INO && enclosing?.point !== root) {
        found.push(subvolume({ ...area, readOnly: area.readOnly || refusesWriting(top, HERE) }));
      }
      addSubvolumes(area, found, unread);
    }
    for (const mount of below) {
      found.push(mount.reach === 'open' && mount.mount.type === 'btrfs' ? openBtrfs(top, mount, found, unread) : mount);
    }
    return { root, mountId, dev, enclosing, boundaries: inOrder(found), unread, unparsed };
  } finally {
    close(top);
  }
}

/** Adds what is below a mount of btrfs. @returns the mount with what only the file system itself tells */
function openBtrfs(top: number, mount: MountBoundary, found: Boundary[], unread: UnreadDirectory[]): MountBoundary {
  const { path, entry, mountId, dev, readOnly, noExec, noSuid, noDev } = mount;
  // The directory itself was walked as part of what encloses it.
  if (path !== '' && entry === 'directory') {
    try {
      const fd = openat2(top, path, DIRECTORY, STRAIGHT);
      try {
        addSubvolumes({ fd, path, mountId, dev, readOnly, noExec, noSuid, noDev }, found, unread);
      } finally {
        close(fd);
      }
    } catch (error) {
      if (!isErrno(error)) throw error;
      unread.push({ path, code: error.code });
    }
  }
  return { ...mount, readOnly: readOnly || refusesWriting(top, path === '' ? HERE : path) };
}

function addSubvolumes(area: Area, found: Boundary[], unread: UnreadDirectory[]): void {
  const inside = (path: Bytes): Bytes =>
    (area.path === '' || path === '' ? `${area.path}${path}` : `${area.path}/${path}`) as Bytes;
  const walked = findSubvolumes(area.fd, area.mountId, area.dev);
  for (const { path, dev, readOnly } of walked.subvolumes) {
    found.push(subvolume({ ...area, path: inside(path), dev, readOnly: area.readOnly || readOnly }));
  }
  for (const { path, code } of walked.unread) unread.push({ path: inside(path), code });
}

function subvolume({ path, mountId, dev, readOnly, noExec, noSuid, noDev }: Area): SubvolumeBoundary {
  return { kind: 'subvolume', reach: 'open', path, mountId, dev, readOnly, noExec, noSuid, noDev };
}

function partFlags(flags: number): Pick<Area, 'readOnly' | 'noExec' | 'noSuid' | 'noDev'> {
  return {
    readOnly: (flags & ST_RDONLY) !== 0,
    noExec: (flags & ST_NOEXEC) !== 0,
    noSuid: (flags & ST_NOSUID) !== 0,
    noDev: (flags & ST_NODEV) !== 0,
  };
}
