/**
 * The port in memory, for what a disk will not do on demand: to be stopped after any call, refused at any call, and set
 * up again some thousand times a second. memfs holds names, inodes and content (its links and nodes, not its fs API,
 * which is not POSIX: see TOOLCHAIN.md); everything decided about them is decided here, as Linux does for root.
 * test/fs/conformance.test.ts runs on this port and on the real one.
 *
 * Modelled: the errno of each refusal and their order, link counts, inode numbers (used anew at once), open files
 * without names, mounts (other devices, bind mounts, read-only, mount points that are busy), attributes with what they
 * do to each other (chown, capabilities, ACL and mode), holes by the block, room and inodes, inode flags, flock.
 *
 * Not modelled: permissions (it is all done by root), atime and ctime, what a power cut takes (everything is durable at
 * once: G4 needs a real disk), inheritance of default ACLs, room that clones still share when one of them goes, the
 * room of attributes and symlinks, unmounting, what is behind device nodes and sockets, limits of attribute space.
 */

import type { DirHandle, FileHandle, FsPort, Named, Space, Timestamp } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { chmod, chown, describe, removeXattr, setTimes, setXattr, xattrs } from './memory-attributes.ts';
import {
  cloneContent,
  copyRange,
  nextData,
  openFile,
  openWritable,
  read,
  truncate,
  tryFlock,
  tryRecordLock,
  write,
} from './memory-content.ts';
import { BLOCK, childrenOf, type Device, type FileSystemOptions, fail, makeDevice, typeOf } from './memory-device.ts';
import * as names from './memory-names.ts';
import {
  close,
  copyWorld,
  descend,
  extraAt,
  followAbsolute,
  isRemoved,
  type Kernel,
  lookUp,
  type Mount,
  opened,
  openedDir,
  openedFile,
  openHandle,
  type Place,
  pathShown,
  slot,
  type World,
} from './memory-world.ts';

/** Paths are absolute; text that is not ASCII has to be Bytes. */
interface MountOptions extends FileSystemOptions {
  /** Where; directories that are missing are made. */
  readonly path: string;
  /** A path that is shown there too (`mount --bind`): same device, another mount. Else an empty file system of its own. */
  readonly bind?: string;
  readonly readOnly?: boolean;
}

export interface MemoryOptions extends FileSystemOptions {
  /** In this order, so that one may lie in another. */
  readonly mounts?: readonly MountOptions[];
  readonly readOnly?: boolean;
  /** The clock. By default it starts in 2026 and moves 1 µs at each look, so that equal runs give equal trees. */
  readonly now?: () => Timestamp;
  readonly kernel?: Kernel;
}

/** The port and what stands beside it for tests. Only the port's own calls are of the process under test. */
export interface MemoryPort extends FsPort {
  /** Without arguments: the same file systems again, independent, with nothing open. With them: FICLONE. */
  readonly clone: FsPort['clone'] & (() => MemoryPort);
  /** The process is gone: its handles are closed, its locks released, its unnamed files freed. */
  crash(): void;
  openHandles(): number;
  mount(options: MountOptions): void;
  /** Of the mount that `path` is on, as `mount -o remount,ro`. */
  setReadOnly(path: string, readOnly: boolean): void;
  /** chattr(1) */
  setFlags(path: string, flags: { readonly immutable?: boolean; readonly appendOnly?: boolean }): void;
  /** What is free from now on, on the file system of `path`. */
  setRoom(path: string, room: { readonly bytesFree?: number; readonly inodesFree?: number }): void;
  /** bind(2): the port itself makes no sockets. */
  makeSocket(path: string, mode?: number): void;
}

const EPOCH_SEC = 1_767_225_600;
const FIRST_DEVICE = 0x801;
const FIRST_HANDLE = 3;

export function memoryPort(options: MemoryOptions = {}): MemoryPort {
  const {
    mounts = [],
    readOnly = false,
    now = tickingClock(),
    kernel = { replacedShow: 'own' },
    ...fileSystem
  } = options;
  const world: World = { mounts: [], handles: new Map(), nextHandle: FIRST_HANDLE, now, kernel };
  const device = makeDevice(FIRST_DEVICE, fileSystem, now());
  const first: Mount = { id: 1, device, root: device.superblock.root, over: undefined, readOnly: false };
  world.mounts.push(first);
  const port = portOf(world);
  for (const mount of mounts) port.mount(mount);
  first.readOnly = readOnly;
  return port;
}

function tickingClock(): () => Timestamp {
  let ticks = 0;
  return () => {
    ticks++;
    return { sec: EPOCH_SEC + Math.floor(ticks / 1e6), nsec: (ticks % 1e6) * 1000 };
  };
}

function portOf(world: World): MemoryPort {
  const dup = (): MemoryPort => portOf(copyWorld(world));
  const clone = (from?: FileHandle, to?: FileHandle): unknown =>
    from === undefined ? dup() : cloneContent(world, from, to as FileHandle);
  const durable = (file: FileHandle): void => void openedFile(world, file, 'fsync');
  return {
    // Everything in memory is root's.
    uid: 0,
    gids: [0],
    openRoot: (path) => openDirectory(world, followAbsolute(world, path, 'open'), path),
    openDir: (at, path) =>
      openHandle(world, 'directory', withInode(descend(world, openedDir(world, at, 'openat2'), path, 'openat2'))),
    closeDir: (dir) => close(world, dir),
    list: (dir) => list(world, dir),

    stat(at, name) {
      const place = findPlace(world, at, name);
      return place && describe(withInode(place));
    },
    statHandle: (file) => describe(opened(world, file, 'statx')),
    readlink(at, name) {
      const inode = slot(world, at, name, 'readlinkat').found?.getNode() ?? fail('ENOENT', 'readlinkat', name);
      return inode.isSymlink() ? (inode.symlink as Bytes) : fail('EINVAL', 'readlinkat', name);
    },

    rename: (...args) => names.rename(world, ...args),
    renameNew: (...args) => names.renameNew(world, ...args),
    exchange: (...args) => names.exchange(world, ...args),
    link: (...args) => names.link(world, ...args),
    unlink: (...args) => names.unlink(world, ...args),
    rmdir: (...args) => names.rmdir(world, ...args),
    mkdir: (...args) => names.mkdir(world, ...args),
    symlink: (...args) => names.symlink(world, ...args),
    mknod: (...args) => names.mknod(world, ...args),

    openFile: (...args) => openFile(world, ...args),
    openWritable: (...args) => openWritable(world, ...args),
    createFile: (...args) => names.createFile(world, ...args),
    createUnnamed: (...args) => names.createUnnamed(world, ...args),
    pin(at, name) {
      const place = lookUp(world, at, name, 'openat') ?? fail('ENOENT', 'openat', name);
      return openHandle(world, 'pin', withInode(place));
    },
    closeFile: (file) => close(world, file),
    read: (...args) => read(world, ...args),
    write: (...args) => write(world, ...args),
    nextData: (...args) => nextData(world, ...args),
    copyRange: (...args) => copyRange(world, ...args),
    clone: clone as MemoryPort['clone'],
    truncate: (...args) => truncate(world, ...args),

    chown: (...args) => chown(world, ...args),
    chmod: (...args) => chmod(world, ...args),
    setTimes: (...args) => setTimes(world, ...args),
    xattrs: (file) => xattrs(world, file),
    setXattr: (...args) => setXattr(world, ...args),
    removeXattr: (...args) => removeXattr(world, ...args),

    fsync: durable,
    fsyncDir: (dir) => void openedDir(world, dir, 'fsync'),
    syncfs: (dir) => void openedDir(world, dir, 'syncfs'),
    space: (at) => space(opened(world, at, 'fstatfs').mount),
    tryFlock: (file) => tryFlock(world, file),
    tryRecordLock: (file) => tryRecordLock(world, file),
    // Its locks are of open files, not of processes.
    recordLockHolder: (file) => void openedFile(world, file, 'fcntl'),
    pathShown: (file) => pathShown(world, file),
    mayWrite(at, name) {
      if (lookUp(world, at, name, 'faccessat') === undefined) fail('ENOENT', 'faccessat', name);
      return true;
    },

    crash() {
      for (const handle of world.handles.keys()) close(world, handle as FileHandle);
    },
    openHandles: () => world.handles.size,
    ...helpers(world),
  };
}

function helpers(world: World): Pick<MemoryPort, 'mount' | 'setReadOnly' | 'setFlags' | 'setRoom' | 'makeSocket'> {
  const place = (path: string): Place => followAbsolute(world, path as Bytes, 'open');
  return {
    mount: (options) => mount(world, options),
    setReadOnly(path, readOnly) {
      place(path).mount.readOnly = readOnly;
    },
    setFlags: (path, flags) => void Object.assign(extraAt(place(path)), flags),
    setRoom: (path, room) => void Object.assign(place(path).mount.device, room),
    makeSocket(path, mode = 0o755) {
      const cut = path.lastIndexOf('/');
      const dir = openDirectory(world, place(path.slice(0, cut + 1)), path as Bytes);
      names.mknod(world, dir, path.slice(cut + 1) as Bytes, 'socket', mode, 0);
      close(world, dir);
    },
  };
}

function withInode(place: Place): Place & { readonly inode: ReturnType<Place['dentry']['getNode']> } {
  return { ...place, inode: place.dentry.getNode() };
}

function openDirectory(world: World, place: Place, path: Bytes): DirHandle {
  if (typeOf(place.dentry.getNode()) !== 'directory') fail('ENOTDIR', 'open', path);
  return openHandle(world, 'directory', withInode(place));
}

function findPlace(world: World, at: DirHandle, name: Bytes): Place | undefined {
  try {
    return lookUp(world, at, name, 'statx');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function list(world: World, dir: DirHandle): Named[] {
  const { mount, dentry } = openedDir(world, dir, 'getdents64');
  if (isRemoved(dentry)) fail('ENOENT', 'getdents64');
  const { entryTypes } = mount.device.limits;
  return Array.from(childrenOf(dentry), ([name, child]) => {
    return { name, type: entryTypes ? typeOf(child.getNode()) : undefined };
  });
}

function space({ device, readOnly }: Mount): Space {
  const { magic, nameMax, countsInodes } = device.limits;
  const inodesFree = countsInodes ? device.inodesFree : undefined;
  const fsid = device.dev.toString(16).padStart(16, '0');
  return { magic, fsid, readOnly, blockSize: BLOCK, bytesFree: device.bytesFree, inodesFree, nameMax };
}

function mount(world: World, { path, bind, readOnly = false, ...fileSystem }: MountOptions): void {
  const over = makePath(world, path);
  const id = world.mounts.length + 1;
  const shown = bind === undefined ? undefined : followAbsolute(world, bind as Bytes, 'mount');
  const device: Device = shown?.mount.device ?? makeDevice(FIRST_DEVICE + id, fileSystem, world.now());
  world.mounts.push({ id, device, root: shown?.dentry ?? device.superblock.root, over, readOnly });
}

/** The place of `path`; what is missing of it is made. */
function makePath(world: World, path: string): Place {
  const parents = path.split('/').slice(0, -1);
  const at = parents.length > 1 ? makePath(world, parents.join('/')) : followAbsolute(world, '/' as Bytes, 'mount');
  const name = path.slice(path.lastIndexOf('/') + 1) as Bytes;
  if (at.dentry.children.get(name) === undefined) {
    const dir = openDirectory(world, at, path as Bytes);
    names.mkdir(world, dir, name, 0o755);
    close(world, dir);
  }
  return followAbsolute(world, path as Bytes, 'mount');
}
