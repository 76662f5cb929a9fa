import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_DONT_SYNC,
  AT_SYMLINK_NOFOLLOW,
  ascii,
  type Bytes,
  close,
  isErrno,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  readlinkat,
  S_IFDIR,
  S_IFMT,
  STATX_INO,
  STATX_TYPE,
  SyscallError,
  statx,
} from '@emplace/syscalls';
import { attempt, isUnread, sameFile } from '../processes/read.ts';
import type { MountBoundary } from './boundary.ts';
import type { Mount, Mountinfo } from './mountinfo.ts';
import { readMounts } from './read-mounts.ts';

const ITSELF = ascii('');
const LOOK = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
/** Over mounts, never through a symlink: a covering mount may have one where the mount point's path had a directory. */
export const STRAIGHT: number = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

/** The list is taken anew while it changes, so that no mount is called hidden because it came or went just then. */
const LOOKS_MAX = 5;

export interface LookedAt extends Mountinfo {
  /** Absolute path of the directory. */
  readonly root: Bytes;
  /** The mounts at and below it. */
  readonly below: readonly MountBoundary[];
}

/**
 * What is mounted at and below an open directory, each mount compared with what its path leads to.
 * Not guaranteed: one moment, when mounts changed at every look.
 * @throws MountsUnreadableError; SyscallError ENOENT when the directory has been removed
 */
export function lookAtMounts(top: number): LookedAt {
  let info = readMounts('self');
  const root = pathOf(top);
  for (let looks = 1; ; looks++) {
    const listed = atOrBelow(root, info);
    const below = listed.map(({ path, mount }) => lookAt(top, path, mount));
    const now = readMounts('self');
    if (looks === LOOKS_MAX || isSame(listed, atOrBelow(root, now))) return { ...info, root, below };
    info = now;
  }
}

interface Listed {
  readonly path: Bytes;
  readonly mount: Mount;
}

function atOrBelow(root: Bytes, { mounts }: Mountinfo): Listed[] {
  return mounts.flatMap((mount) => {
    const path = relative(root, mount.point);
    return path === undefined ? [] : [{ path, mount }];
  });
}

/** What comes and goes elsewhere does not matter: on a host with containers something always does. */
function isSame(before: readonly Listed[], after: readonly Listed[]): boolean {
  const same = ({ path, mount }: Listed, i: number): boolean =>
    path === after[i]?.path && mount.id === after[i].mount.id;
  return before.length === after.length && before.every(same);
}

/** The path that the kernel shows of a directory, if it leads there: ` (deleted)` or `(unreachable)` do not. */
function pathOf(dir: number): Bytes {
  const shown = readlinkat(AT_FDCWD, ascii(`/proc/self/fd/${dir}`));
  const held = statx(dir, ITSELF, LOOK, STATX_INO);
  const named = attempt(() => statx(AT_FDCWD, shown, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_INO));
  if (!shown.startsWith('/') || isUnread(named) || !sameFile(held, named) || held.mountId !== named.mountId) {
    throw new SyscallError('ENOENT', 'readlinkat', [shown]);
  }
  return shown;
}

function relative(root: Bytes, point: Bytes): Bytes | undefined {
  const prefix = root === '/' ? '/' : `${root}/`;
  if (point === root) return ITSELF;
  return point.startsWith(prefix) ? (point.slice(prefix.length) as Bytes) : undefined;
}

function lookAt(top: number, path: Bytes, mount: Mount): MountBoundary {
  const found = attempt(() => statAt(top, path));
  const described = {
    kind: 'mount',
    path,
    mountId: mount.id,
    dev: mount.dev,
    mount,
    shows: shows(mount),
    readOnly: [mount.options[0], mount.superOptions[0]].some((option) => option === 'ro'),
    noExec: mount.options.includes(ascii('noexec')),
    noSuid: mount.options.includes(ascii('nosuid')),
    noDev: mount.options.includes(ascii('nodev')),
    entry: undefined,
  } as const;
  if (found === undefined) return { ...described, reach: 'hidden' };
  if (isUnread(found)) return { ...described, reach: found };
  if (found.mountId !== mount.id) return { ...described, reach: 'hidden' };
  return { ...described, reach: 'open', dev: found.dev, entry: found.entry };
}

interface Found {
  readonly mountId: number;
  readonly dev: number;
  readonly entry: MountBoundary['entry'];
}

/** undefined where the path leads nowhere. @throws SyscallError for what cannot be looked at */
function statAt(top: number, path: Bytes): Found | undefined {
  let fd: number | undefined;
  try {
    if (path !== '') fd = openat2(top, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, STRAIGHT);
    // No STATX_* asked for: a FUSE mount of another user then still tells its device and mount, to root too.
    const { mountId, dev, mask, mode } = statx(fd ?? top, ITSELF, LOOK, 0);
    const entry = (mask & STATX_TYPE) === 0 ? undefined : (mode & S_IFMT) === S_IFDIR ? 'directory' : 'file';
    return { mountId, dev, entry };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  } finally {
    if (fd !== undefined) close(fd);
  }
}

function shows({ root, rootDeleted, type, superOptions }: Mount): MountBoundary['shows'] {
  if (root === '/') return 'all';
  // btrfs names the subvolume that a mount shows, as its last option and with commas unescaped (btrfs_show_options).
  const whole = type === 'btrfs' && !rootDeleted && superOptions.join(',').endsWith(`,subvol=${root}`);
  return whole ? 'subvolume' : 'part';
}
