/** The calls that change names, with the checks of fs/namei.c in its order. */

import type { DirHandle, FileHandle } from '@emplace/fsprobe';
import { type Bytes, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK } from '@emplace/syscalls';
import {
  attach,
  type Dentry,
  detach,
  extraOf,
  fail,
  type Inode,
  isDirectory,
  isEmpty,
  makeInode,
  releaseUnused,
} from './memory-device.ts';
import {
  extraAt,
  isMountPoint,
  isRemoved,
  openedDir,
  openHandle,
  requireWritable,
  type Slot,
  slot,
  type World,
} from './memory-world.ts';

const TARGET_MAX = 4095;
const S_ISGID = 0o2000;
type NodeType = 'fifo' | 'char' | 'block' | 'socket';
const NODE_TYPES: Readonly<Record<NodeType, number>> = {
  fifo: S_IFIFO,
  char: S_IFCHR,
  block: S_IFBLK,
  socket: S_IFSOCK,
};

/** The directory's times change with its names. */
function touch(world: World, { mount, dentry }: Slot): void {
  extraOf(mount.device, dentry.getNode()).mtime = world.now();
}

function isOrHolds(dentry: Dentry, below: Dentry): boolean {
  for (let at = below; at !== dentry; at = at.parent) {
    // The root of a memfs tree is its own parent.
    if (at.parent === undefined || at.parent === at) return false;
  }
  return true;
}

function checkMayCreate(dir: Slot, call: string): void {
  if (isRemoved(dir.dentry)) fail('ENOENT', call, dir.name);
  if (extraAt(dir).immutable) fail('EPERM', call, dir.name);
}

function checkMayRemove(dir: Slot, victim: Dentry, asDirectory: boolean, call: string): void {
  const parent = extraAt(dir);
  const extra = extraOf(dir.mount.device, victim.getNode());
  if (parent.immutable || parent.appendOnly || extra.immutable || extra.appendOnly) fail('EPERM', call, dir.name);
  if (asDirectory === isDirectory(victim.getNode())) return;
  fail(asDirectory ? 'ENOTDIR' : 'EISDIR', call, dir.name);
}

/** Takes away a name and the inode with its last one. */
function drop(dir: Slot, victim: Dentry): void {
  const inode = victim.getNode();
  detach(dir.dentry, victim);
  inode.nlink = isDirectory(inode) ? 0 : inode.nlink - 1;
  releaseUnused(dir.mount.device, inode);
}

export function rename(world: World, from: DirHandle, source: Bytes, to: DirHandle, target: Bytes): void {
  const call = 'renameat';
  const [a, b] = [slot(world, from, source, call), slot(world, to, target, call)];
  const moved = checkSides(a, b, call);
  const replaced = b.found;
  if (isOrHolds(moved, b.dentry)) fail('EINVAL', call, source, target);
  if (replaced !== undefined && isOrHolds(replaced, a.dentry)) fail('ENOTEMPTY', call, source, target);
  // Two names of one inode: success, and both stay (rename(2)).
  if (replaced?.getNode() === moved.getNode()) return;
  const directory = isDirectory(moved.getNode());
  checkMayRemove(a, moved, directory, call);
  if (replaced === undefined) checkMayCreate(b, call);
  else checkMayRemove(b, replaced, directory, call);
  if (isMountPoint(world, moved) || (replaced && isMountPoint(world, replaced))) fail('EBUSY', call, source, target);
  if (replaced !== undefined) {
    if (directory && !isEmpty(replaced)) fail('ENOTEMPTY', call, source, target);
    drop(b, replaced);
  }
  detach(a.dentry, moved);
  attach(b.dentry, b.name, moved);
  if (replaced !== undefined) misname(world, replaced, a);
  touch(world, a);
  touch(world, b);
}

/** What old kernels do to the dentry of what was replaced: it is that which a process that holds it shows. */
function misname({ kernel: { replacedShow } }: World, replaced: Dentry, from: Slot): void {
  if (replacedShow === 'own') return;
  replaced.parent = from.dentry;
  if (replacedShow === 'former') replaced.name = from.name;
}

/** As the kernel does: a target that is there is told before anything else of it is looked at. */
export function renameNew(world: World, from: DirHandle, source: Bytes, to: DirHandle, target: Bytes): void {
  const call = 'renameat2';
  const [a, b] = [slot(world, from, source, call), slot(world, to, target, call)];
  checkSides(a, b, call);
  if (b.found !== undefined) fail('EEXIST', call, source, target);
  rename(world, from, source, to, target);
}

export function exchange(world: World, from: DirHandle, source: Bytes, to: DirHandle, target: Bytes): void {
  const call = 'renameat2';
  const [a, b] = [slot(world, from, source, call), slot(world, to, target, call)];
  const first = checkSides(a, b, call);
  const second = b.found ?? fail('ENOENT', call, source, target);
  if (isOrHolds(first, b.dentry) || isOrHolds(second, a.dentry)) fail('EINVAL', call, source, target);
  if (first.getNode() === second.getNode()) return;
  checkMayRemove(a, first, isDirectory(first.getNode()), call);
  checkMayRemove(b, second, isDirectory(second.getNode()), call);
  if (isMountPoint(world, first) || isMountPoint(world, second)) fail('EBUSY', call, source, target);
  if (!a.mount.device.limits.exchange) fail('EINVAL', call, source, target);
  detach(a.dentry, first);
  detach(b.dentry, second);
  attach(b.dentry, b.name, first);
  attach(a.dentry, a.name, second);
  touch(world, a);
  touch(world, b);
}

/** What both renames check before anything else. @returns the source's dentry */
function checkSides(a: Slot, b: Slot, call: string): Dentry {
  if (a.mount !== b.mount) fail('EXDEV', call, a.name, b.name);
  requireWritable(a.mount, call, a.name, b.name);
  if (isRemoved(b.dentry)) fail('ENOENT', call, a.name, b.name);
  checkProjects(a, b, call);
  return a.found ?? fail('ENOENT', call, a.name, b.name);
}

/** ext4 and xfs keep the files of a project quota together. */
function checkProjects(a: Slot, b: Slot, call: string): void {
  if (a.mount.device.limits.betweenProjects || topOf(a.dentry) === topOf(b.dentry)) return;
  fail('EXDEV', call, a.name, b.name);
}

function topOf(dentry: Dentry): Dentry {
  const { parent } = dentry;
  return parent === undefined || parent.parent === undefined || parent.parent === parent ? dentry : topOf(parent);
}

export function link(world: World, from: DirHandle, source: Bytes, to: DirHandle, target: Bytes): void {
  const call = 'linkat';
  const [a, b] = [slot(world, from, source, call), slot(world, to, target, call)];
  const inode = a.found?.getNode() ?? fail('ENOENT', call, source, target);
  checkVacant(b, call);
  if (a.mount !== b.mount) fail('EXDEV', call, source, target);
  checkProjects(a, b, call);
  checkMayCreate(b, call);
  const { device } = a.mount;
  const { immutable, appendOnly } = extraOf(device, inode);
  if (immutable || appendOnly || !device.limits.links || isDirectory(inode)) fail('EPERM', call, source, target);
  if (inode.nlink >= device.limits.linkMax) fail('EMLINK', call, source, target);
  inode.nlink++;
  b.dentry.createChild(b.name, inode);
  touch(world, b);
}

export function unlink(world: World, at: DirHandle, name: Bytes): void {
  remove(world, at, name, false, 'unlinkat');
}

export function rmdir(world: World, at: DirHandle, name: Bytes): void {
  remove(world, at, name, true, 'unlinkat');
}

function remove(world: World, at: DirHandle, name: Bytes, asDirectory: boolean, call: string): void {
  const dir = slot(world, at, name, call);
  requireWritable(dir.mount, call, name);
  const victim = dir.found ?? fail('ENOENT', call, name);
  checkMayRemove(dir, victim, asDirectory, call);
  if (isMountPoint(world, victim)) fail('EBUSY', call, name);
  if (asDirectory && !isEmpty(victim)) fail('ENOTEMPTY', call, name);
  drop(dir, victim);
  touch(world, dir);
}

/** EEXIST goes before EROFS, so that what is there already is no error on a read-only mount. */
function checkVacant(dir: Slot, call: string): void {
  if (dir.found !== undefined) fail('EEXIST', call, dir.name);
  requireWritable(dir.mount, call, dir.name);
}

interface Made {
  readonly dir: Slot;
  readonly dentry: Dentry;
  readonly inode: Inode;
}

/** A new entry of any type. */
function make(world: World, at: DirHandle, name: Bytes, mode: number, call: string): Made {
  const dir = slot(world, at, name, call);
  checkVacant(dir, call);
  checkMayCreate(dir, call);
  const inode = makeInode(dir.mount.device, mode, groupFrom(dir.dentry), world.now(), call);
  const dentry = dir.dentry.createChild(name.slice(name.lastIndexOf('/') + 1), inode);
  touch(world, dir);
  return { dir, dentry, inode };
}

/** The group comes from a setgid directory. */
function groupFrom(dir: Dentry): number {
  const { mode, gid } = dir.getNode();
  return mode & S_ISGID ? gid : 0;
}

export function mkdir(world: World, at: DirHandle, name: Bytes, mode: number): void {
  make(world, at, name, S_IFDIR | mode, 'mkdirat');
}

export function symlink(world: World, at: DirHandle, name: Bytes, target: Bytes): void {
  if (target === '') fail('ENOENT', 'symlinkat', target, name);
  if (target.length > TARGET_MAX) fail('ENAMETOOLONG', 'symlinkat', target, name);
  const { inode } = make(world, at, name, S_IFLNK | 0o777, 'symlinkat');
  inode.symlink = target;
}

export function mknod(world: World, at: DirHandle, name: Bytes, type: NodeType, mode: number, rdev: number): void {
  const { inode } = make(world, at, name, NODE_TYPES[type] | mode, 'mknodat');
  inode.rdev = type === 'char' || type === 'block' ? rdev : 0;
}

export function createFile(world: World, at: DirHandle, name: Bytes, mode: number): FileHandle {
  const { dir, dentry, inode } = make(world, at, name, S_IFREG | mode, 'openat');
  return openHandle(world, 'file', { mount: dir.mount, dentry, inode }, true);
}

export function createUnnamed(world: World, at: DirHandle): FileHandle {
  const { mount, dentry } = openedDir(world, at, 'openat');
  const { device } = mount;
  requireWritable(mount, 'openat');
  if (isRemoved(dentry)) fail('ENOENT', 'openat');
  if (!device.limits.unnamed) fail('EOPNOTSUPP', 'openat');
  const inode = makeInode(device, S_IFREG | 0o600, groupFrom(dentry), world.now(), 'openat');
  inode.nlink = 0;
  return openHandle(world, 'file', { mount, inode }, true);
}
