/**
 * The port over Linux system calls. Needs Linux 5.8 (openat2, mount ids) and a /proc for the attributes of what is
 * pinned.
 *
 * Promised: no name is followed when it is a symlink, every descriptor is close-on-exec, modes are as given whatever
 * the umask, and a call that a signal interrupted (EINTR) is made again, unless it was done: see linux-names.ts.
 * Not guaranteed: a call that the file system never answers never returns (the mover can be killed); nextData moves
 * the file's position; a name is looked up anew by each call.
 */

import type { Bytes } from '@emplace/syscalls';
import * as sys from '@emplace/syscalls';
import { chmod, chown, descriptor, pin, removeXattr, setTimes, setXattr, xattrs } from './linux-attributes.ts';
import * as names from './linux-names.ts';
import type { DirHandle, EntryType, FileHandle, FsPort, Named, Space, Stat } from './port.ts';

const HERE = sys.ascii('.');
const ITSELF = sys.ascii('');
const DIRECTORY = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_CLOEXEC;
const NEVER_ASIDE = sys.RESOLVE_BENEATH | sys.RESOLVE_NO_SYMLINKS | sys.RESOLVE_NO_MAGICLINKS;
const STAT_FLAGS = sys.AT_SYMLINK_NOFOLLOW | sys.AT_NO_AUTOMOUNT;
const STAT_MASK = sys.STATX_BASIC_STATS | sys.STATX_BTIME | sys.STATX_MNT_ID;
/** createFile trusts the kernel with bits of the owner alone: default ACLs and setgid directories change the others. */
const NOT_OWNERS = 0o7077;

/** By DT_* and by S_IFMT >> 12, which are the same numbers. */
const TYPES: readonly (EntryType | undefined)[] = [
  ...([undefined, 'fifo', 'char', undefined, 'directory', undefined, 'block'] as const),
  ...([undefined, 'file', undefined, 'symlink', undefined, 'socket'] as const),
];
const NODE_TYPES = { fifo: sys.S_IFIFO, char: sys.S_IFCHR, block: sys.S_IFBLK } as const;

/** The port of a live system. Stateless but for the user and the umask, each read once when it first matters. */
export function linuxPort(): FsPort {
  let uid: number | undefined;
  let umask: number | undefined;
  return {
    get uid() {
      uid ??= sys.geteuid();
      return uid;
    },
    get gids() {
      return [process.getegid?.() ?? 0, ...(process.getgroups?.() ?? [])];
    },

    openRoot,
    openDir,
    closeDir: sys.close,
    list,

    stat,
    statHandle,
    readlink: sys.readlinkat,

    rename: (from, source, to, target) => names.rename(from, source, to, target, stat),
    renameNew: (from, source, to, target) => names.renameNew(from, source, to, target, stat),
    exchange: (from, source, to, target) => sys.renameat2(from, source, to, target, sys.RENAME_EXCHANGE),
    link: (from, source, to, target) => names.link(from, source, to, target, stat),
    unlink: (at, name) => names.remove(at, name, 0, stat),
    rmdir: (at, name) => names.remove(at, name, sys.AT_REMOVEDIR, stat),
    mkdir,
    symlink: (at, name, target) => names.make(at, name, 'symlink', () => sys.symlinkat(target, at, name), stat),
    mknod,

    openFile,
    openWritable,
    createFile(at, name, mode) {
      umask ??= sys.currentUmask() ?? 0o7777;
      return createFile(at, name, mode, umask);
    },
    createUnnamed: (at) => sys.openat(at, HERE, sys.O_TMPFILE | sys.O_RDWR | sys.O_CLOEXEC, 0o600) as FileHandle,
    pin,
    closeFile: (file) => sys.close(descriptor(file)),
    read: (file, buffer, offset) => (offset === undefined ? sys.read(file, buffer) : sys.pread(file, buffer, offset)),
    write,
    nextData,
    copyRange: (from, to, offset, length) => sys.copyFileRange(from, offset, to, offset, length),
    clone: sys.ficlone,
    truncate: sys.ftruncate,

    chown,
    chmod,
    setTimes,
    xattrs,
    setXattr,
    removeXattr,

    fsync: sys.fsync,
    fsyncDir,
    syncfs,
    space,
    tryFlock,
    tryRecordLock,
    recordLockHolder,
    pathShown,
    mayWrite,
    // By our pid: it is good for our children too.
    pathOf: (dir) => `/proc/${process.pid}/fd/${dir}`,
  };
}

function openRoot(path: Bytes): DirHandle {
  return sys.open(path, DIRECTORY) as DirHandle;
}

function openDir(at: DirHandle, path: Bytes): DirHandle {
  if (path.length < sys.PATH_MAX) return openNear(at, path);
  const cut = path.lastIndexOf('/', sys.PATH_MAX - 1);
  if (cut <= 0) throw new sys.SyscallError('ENAMETOOLONG', 'openat2', [path]);
  const near = openNear(at, path.slice(0, cut) as Bytes);
  try {
    return openDir(near, path.slice(cut + 1) as Bytes);
  } finally {
    sys.close(near);
  }
}

function openNear(at: DirHandle, path: Bytes): DirHandle {
  const below = path === '' ? HERE : path;
  try {
    return sys.openat2(at, below, DIRECTORY, NEVER_ASIDE) as DirHandle;
  } catch (error) {
    if (!sys.isErrno(error, 'EACCES')) throw error;
    // A directory that may be searched but not read still serves as the place to look names up in.
    return sys.openat2(at, below, DIRECTORY | sys.O_PATH, NEVER_ASIDE) as DirHandle;
  }
}

function list(dir: DirHandle): Named[] {
  const named: Named[] = [];
  const visit = (name: Bytes, type: number) => void named.push({ name, type: TYPES[type] });
  readable(dir, (fd) => {
    sys.lseek(fd, 0, sys.SEEK_SET);
    while (sys.getdents64(fd, visit));
  });
  return named;
}

/** An O_PATH handle (see openNear) answers EBADF: opening it for reading then says the true reason, EACCES. */
function readable(dir: DirHandle, use: (fd: number) => void): void {
  try {
    use(dir);
  } catch (error) {
    if (!sys.isErrno(error, 'EBADF')) throw error;
    const fd = sys.openat(dir, HERE, DIRECTORY);
    try {
      use(fd);
    } finally {
      sys.close(fd);
    }
  }
}

function stat(at: DirHandle, name: Bytes): Stat | undefined {
  const found = sys.tryStatx(at, name, name === '' ? STAT_FLAGS | sys.AT_EMPTY_PATH : STAT_FLAGS, STAT_MASK);
  return found && decode(found);
}

function statHandle(file: FileHandle): Stat {
  // An empty path is never looked up, so there is no ENOENT.
  return decode(sys.tryStatx(descriptor(file), ITSELF, STAT_FLAGS | sys.AT_EMPTY_PATH, STAT_MASK) as sys.Statx);
}

function decode(found: sys.Statx): Stat {
  const { mode, attributes } = found;
  return {
    type: TYPES[mode >> 12] as EntryType,
    mode: mode & 0o7777,
    uid: found.uid,
    gid: found.gid,
    ino: found.ino,
    dev: found.dev,
    mountId: found.mountId,
    rdev: found.rdev,
    nlink: found.nlink,
    size: found.size,
    blocks: found.blocks,
    mtime: found.mtime,
    born: (found.mask & sys.STATX_BTIME) === 0 ? undefined : found.btime,
    immutable: (attributes & sys.STATX_ATTR_IMMUTABLE) !== 0,
    appendOnly: (attributes & sys.STATX_ATTR_APPEND) !== 0,
    mountRoot: (attributes & sys.STATX_ATTR_MOUNT_ROOT) !== 0,
  };
}

function mkdir(at: DirHandle, name: Bytes, mode: number): void {
  names.make(at, name, 'directory', () => sys.mkdirat(at, name, mode), stat);
  setModeOfNew(at, name, sys.S_IFDIR | mode);
}

function mknod(at: DirHandle, name: Bytes, type: 'fifo' | 'char' | 'block', mode: number, rdev: number): void {
  const typed = NODE_TYPES[type] | mode;
  names.make(at, name, type, () => sys.mknodat(at, name, typed, rdev), stat);
  setModeOfNew(at, name, typed);
}

/** The umask, a default ACL or a setgid directory may have changed the mode: one look tells. */
function setModeOfNew(at: DirHandle, name: Bytes, mode: number): void {
  const made = sys.tryStatx(at, name, STAT_FLAGS, sys.STATX_TYPE | sys.STATX_MODE)?.mode;
  // Gone or of another type: somebody else's entry by now, whose mode is not ours to set.
  if (made === undefined || made === mode || (made ^ mode) & sys.S_IFMT) return;
  const file = pin(at, name);
  try {
    // Nor is it when another was put there that is not ours: root would give it this mode for whoever did that.
    if (statHandle(file).uid === sys.geteuid()) chmod(file, mode & 0o7777);
  } finally {
    sys.close(descriptor(file));
  }
}

function openFile(at: DirHandle, name: Bytes): FileHandle {
  const flags = sys.O_RDONLY | sys.O_NOFOLLOW | sys.O_NONBLOCK | sys.O_NOCTTY | sys.O_CLOEXEC;
  return sys.openat(at, name, flags) as FileHandle;
}

function openWritable(at: DirHandle, name: Bytes): FileHandle {
  const flags = sys.O_RDWR | sys.O_NOFOLLOW | sys.O_NONBLOCK | sys.O_NOCTTY | sys.O_CLOEXEC;
  return sys.openat(at, name, flags) as FileHandle;
}

function createFile(at: DirHandle, name: Bytes, mode: number, umask: number): FileHandle {
  const flags = sys.O_RDWR | sys.O_CREAT | sys.O_EXCL | sys.O_NOFOLLOW | sys.O_CLOEXEC;
  const fd = names.create(at, name, () => sys.openat(at, name, flags, mode), stat);
  if ((mode & (umask | NOT_OWNERS)) === 0) return fd as FileHandle;
  try {
    sys.fchmod(fd, mode);
    return fd as FileHandle;
  } catch (error) {
    sys.close(fd);
    sys.unlinkat(at, name);
    throw error;
  }
}

function write(file: FileHandle, data: Uint8Array, offset?: number): void {
  for (let done = 0; done < data.byteLength; ) {
    const rest = done === 0 ? data : data.subarray(done);
    const count = offset === undefined ? sys.write(file, rest) : sys.pwrite(file, rest, offset + done);
    // Nothing written and no error would be tried for ever.
    if (count === 0) throw new sys.SyscallError('EIO', 'write');
    done += count;
  }
}

/** Most files are one run of data: then where its hole begins, at the end of the file, is all there is to ask. */
function nextData(file: FileHandle, offset: number): { start: number; end: number } | undefined {
  try {
    const hole = sys.lseek(file, offset, sys.SEEK_HOLE);
    if (hole > offset) return { start: offset, end: hole };
    const start = sys.lseek(file, offset, sys.SEEK_DATA);
    return { start, end: sys.lseek(file, start, sys.SEEK_HOLE) };
  } catch (error) {
    if (sys.isErrno(error, 'ENXIO')) return undefined;
    throw error;
  }
}

function fsyncDir(dir: DirHandle): void {
  readable(dir, sys.fsync);
}

function syncfs(dir: DirHandle): void {
  readable(dir, sys.syncfs);
}

function space(dir: DirHandle | FileHandle): Space {
  const { type, fsid, flags, frsize, blocks, bfree, bavail, files, ffree, namelen } = sys.fstatfs(dir);
  return {
    magic: type,
    fsid,
    readOnly: (flags & sys.ST_RDONLY) !== 0,
    blockSize: frsize,
    // ramfs counts nothing, and says so with no blocks at all.
    bytesFree: blocks === 0 ? Number.POSITIVE_INFINITY : frsize * (sys.geteuid() === 0 ? bfree : bavail),
    inodesFree: files === 0 ? undefined : ffree,
    nameMax: namelen,
  };
}

function tryFlock(file: FileHandle): boolean {
  try {
    sys.flock(file, sys.LOCK_EX | sys.LOCK_NB);
    return true;
  } catch (error) {
    if (sys.isErrno(error, 'EAGAIN')) return false;
    throw error;
  }
}

function tryRecordLock(file: FileHandle): boolean {
  try {
    sys.recordLock(file, sys.F_WRLCK);
    return true;
  } catch (error) {
    // Either is told of a lock that is held: see fcntl(2).
    if (sys.isErrno(error, 'EAGAIN', 'EACCES')) return false;
    throw error;
  }
}

function recordLockHolder(file: FileHandle): number | undefined {
  const pid = sys.recordLockHolder(file);
  return pid !== undefined && pid > 0 ? pid : undefined;
}

function pathShown(file: FileHandle): Bytes | undefined {
  try {
    return sys.readlinkat(sys.AT_FDCWD, sys.ascii(`/proc/self/fd/${descriptor(file)}`));
  } catch (error) {
    // No /proc, or a path of 4,096 bytes and more.
    if (sys.isErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}

function mayWrite(at: DirHandle, name: Bytes): boolean {
  try {
    sys.faccessat(at, name === '' ? HERE : name, sys.W_OK | sys.X_OK, sys.AT_EACCESS | sys.AT_SYMLINK_NOFOLLOW);
    return true;
  } catch (error) {
    if (sys.isErrno(error, 'EACCES', 'EPERM')) return false;
    // A read-only file system refuses everybody, whatever the permissions.
    if (sys.isErrno(error, 'EROFS')) return true;
    throw error;
  }
}
