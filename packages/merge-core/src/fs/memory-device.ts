/**
 * One file system of the memory port: a memfs superblock holds names, inodes and content; beside it, keyed by inode
 * number, stands what memfs has no place for. Inode numbers are used anew at once, as ext4 does.
 */

import type { EntryType, Timestamp } from '@emplace/fsprobe';
import { type Bytes, S_IFDIR, S_IFMT, SyscallError } from '@emplace/syscalls';
import { Volume } from 'memfs';

type Superblock = Volume['_core'];
/** A name in a directory (memfs calls it Link); of a directory there is exactly one. */
export type Dentry = Superblock['root'];
/** memfs calls it Node. */
export type Inode = ReturnType<Dentry['getNode']>;

/** What the file system can do and holds. All default to what a roomy XFS with reflinks does. */
export interface FileSystemOptions {
  /** f_type of statfs(2). */
  readonly magic?: number;
  readonly nameMax?: number;
  readonly linkMax?: number;
  readonly bytesFree?: number;
  readonly inodesFree?: number;
  /** false: `space` has no inodesFree, and there is no limit (btrfs). */
  readonly countsInodes?: boolean;
  /** false: link gives EPERM. */
  readonly links?: boolean;
  /** false: FICLONE gives EOPNOTSUPP. */
  readonly clone?: boolean;
  /** false: rename and link from one of its top directories to another give EXDEV, as between project quotas. */
  readonly betweenProjects?: boolean;
  /** false: RENAME_EXCHANGE gives EINVAL. */
  readonly exchange?: boolean;
  /** false: O_TMPFILE gives EOPNOTSUPP. */
  readonly unnamed?: boolean;
  /** false: setting an attribute gives EOPNOTSUPP, and there are none. */
  readonly xattrs?: boolean;
  /** false: SEEK_DATA gives EINVAL. */
  readonly holes?: boolean;
  /** false: `list` says no types (DT_UNKNOWN). */
  readonly entryTypes?: boolean;
}

type Limits = Required<Omit<FileSystemOptions, 'bytesFree' | 'inodesFree'>>;

/** Bytes of a file that are allocated, in whole blocks; ascending, apart from each other. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** What memfs has no place for, one for each inode. */
export interface Extra {
  mtime: Timestamp;
  /** Values are never changed in place. */
  xattrs: Map<Bytes, Buffer>;
  immutable: boolean;
  appendOnly: boolean;
  extents: Extent[];
  /** Blocks are shared with a clone, so they take no room of their own. */
  shared: boolean;
  /** Handles on it: the inode lives on without a name until the last is closed. */
  opens: number;
  lockOwner: number | undefined;
  recordLockOwner: number | undefined;
}

export interface Device {
  readonly dev: number;
  readonly superblock: Superblock;
  readonly extras: Map<number, Extra>;
  readonly limits: Limits;
  bytesFree: number;
  inodesFree: number;
}

export const BLOCK = 4096;
const unlocked = { lockOwner: undefined, recordLockOwner: undefined };
const XFS_MAGIC = 0x58465342;

const TYPES: Readonly<Record<number, EntryType>> = {
  1: 'fifo',
  2: 'char',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

export function fail(code: string, call: string, ...paths: Bytes[]): never {
  throw new SyscallError(code, call, paths);
}

export function makeDevice(dev: number, options: FileSystemOptions, now: Timestamp): Device {
  const { bytesFree = 2 ** 40, inodesFree = 2 ** 30, ...rest } = options;
  const all = {
    ...{ links: true, clone: true, exchange: true, unnamed: true, xattrs: true, holes: true, entryTypes: true },
    betweenProjects: true,
  };
  const limits = { magic: XFS_MAGIC, nameMax: 255, linkMax: 2 ** 31 - 1, countsInodes: true, ...all, ...rest };
  const device = { dev, superblock: new Volume()._core, extras: new Map(), limits, bytesFree, inodesFree };
  const root = device.superblock.root.getNode();
  root.mode = S_IFDIR | 0o755;
  root.uid = root.gid = 0;
  // memfs counts `.` and `..` of its root twice.
  root.nlink = 2;
  device.extras.set(root.ino, makeExtra(now));
  return device;
}

function makeExtra(mtime: Timestamp): Extra {
  const flags = { immutable: false, appendOnly: false, shared: false };
  return { mtime, xattrs: new Map(), ...flags, extents: [], opens: 0, ...unlocked };
}

export function isDirectory(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFDIR;
}

export function typeOf(inode: Inode): EntryType {
  return TYPES[inode.mode >> 12] as EntryType;
}

export function extraOf(device: Device, inode: Inode): Extra {
  const extra = device.extras.get(inode.ino);
  if (extra === undefined) throw new Error(`bug: inode ${inode.ino} was released while in use`);
  return extra;
}

/** A new inode; ENOSPC where none is left. It belongs to root, as the engine's process does. */
export function makeInode(device: Device, mode: number, gid: number, now: Timestamp, call: string): Inode {
  if (device.limits.countsInodes && device.inodesFree <= 0) fail('ENOSPC', call);
  if ((mode & S_IFMT) === S_IFDIR) charge(device, BLOCK, call);
  device.inodesFree--;
  const inode = device.superblock.createNode(mode);
  inode.uid = 0;
  inode.gid = gid;
  device.extras.set(inode.ino, makeExtra(now));
  return inode;
}

/** Takes room, or gives it back when `bytes` is negative. */
export function charge(device: Device, bytes: number, call: string): void {
  if (bytes > device.bytesFree) fail('ENOSPC', call);
  device.bytesFree -= bytes;
}

/** Lets go of an inode that has neither name nor handle. */
export function releaseUnused(device: Device, inode: Inode): void {
  const extra = extraOf(device, inode);
  if (inode.nlink > 0 || extra.opens > 0) return;
  device.inodesFree++;
  device.bytesFree += roomOf(inode, extra);
  device.extras.delete(inode.ino);
  device.superblock.deleteNode(inode);
}

export function allocated(extents: readonly Extent[]): number {
  return extents.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The room that goes when the inode does. */
function roomOf(inode: Inode, { shared, extents }: Extra): number {
  if (isDirectory(inode)) return BLOCK;
  return shared ? 0 : allocated(extents);
}

/** Puts a name into a directory. */
export function attach(dir: Dentry, name: Bytes, dentry: Dentry): void {
  dentry.name = name;
  dir.setChild(name, dentry);
  // memfs finds a child's key by its steps, and does not keep them up to date by itself.
  dentry.syncSteps();
}

/** Takes the name away from a directory; the inode and its count of names stay as they are. */
export function detach(dir: Dentry, dentry: Dentry): void {
  dir.deleteChild(dentry);
}

/** Its entries: memfs keeps `.` and `..` among them. */
export function* childrenOf(dir: Dentry): Generator<[Bytes, Dentry]> {
  for (const [name, child] of dir.children) {
    if (name !== '.' && name !== '..' && child !== undefined) yield [name as Bytes, child];
  }
}

export function isEmpty(dir: Dentry): boolean {
  for (const _ of childrenOf(dir)) return false;
  return true;
}

/**
 * The same file system again, to the inode numbers, which a journal in it may hold. What has no name is left out: no
 * process has it open there. `seen` gets the new dentry of each old one.
 */
export function copyDevice(from: Device, seen: Map<Dentry, Dentry>): Device {
  const to: Device = { ...from, superblock: new Volume()._core, extras: new Map() };
  const inodes = new Map<Inode, Inode>();
  const { root } = to.superblock;
  const rootInode = root.getNode();
  copyInode(from, from.superblock.root.getNode(), to, rootInode);
  seen.set(from.superblock.root, root);
  copyChildren(from, from.superblock.root, to, root, inodes, seen);
  rootInode.nlink = from.superblock.root.getNode().nlink;
  for (const [old, copy] of inodes) copy.nlink = old.nlink;
  to.superblock.ino = from.superblock.ino;
  to.superblock.releasedInos = [...from.superblock.releasedInos];
  for (const [ino, inode] of Object.entries(from.superblock.inodes)) {
    if (inode.nlink > 0) continue;
    to.superblock.releasedInos.push(Number(ino));
    to.inodesFree++;
    to.bytesFree += roomOf(inode, extraOf(from, inode));
  }
  return to;
}

function copyChildren(
  from: Device,
  source: Dentry,
  to: Device,
  target: Dentry,
  inodes: Map<Inode, Inode>,
  seen: Map<Dentry, Dentry>,
): void {
  for (const [name, child] of childrenOf(source)) {
    const old = child.getNode();
    let inode = inodes.get(old);
    if (inode === undefined) {
      inode = to.superblock.createNode(old.mode);
      copyInode(from, old, to, inode);
      inodes.set(old, inode);
    }
    const copy = target.createChild(name, inode);
    seen.set(child, copy);
    if (isDirectory(old)) copyChildren(from, child, to, copy, inodes, seen);
  }
}

function copyInode(from: Device, source: Inode, to: Device, target: Inode): void {
  delete to.superblock.inodes[target.ino];
  target.ino = source.ino;
  target.mode = source.mode;
  target.uid = source.uid;
  target.gid = source.gid;
  target.rdev = source.rdev;
  if (source.symlink !== undefined) target.symlink = source.symlink;
  if (source.getSize() > 0) target.setBuffer(source.buf.subarray(0, source.getSize()) as Buffer);
  const extra = extraOf(from, source);
  const own = { xattrs: new Map(extra.xattrs), extents: [...extra.extents], opens: 0, ...unlocked };
  to.extras.set(source.ino, { ...extra, ...own });
  to.superblock.inodes[source.ino] = target;
}
