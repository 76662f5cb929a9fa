/** The calls on attributes, for root: what fs/attr.c and fs/xattr.c refuse and what one attribute does to another. */

import type { FileHandle, Stat, Timestamp, Xattrs } from '@emplace/fsprobe';
import { ascii, type Bytes, S_IFMT } from '@emplace/syscalls';
import { ACCESS_ACL, DEFAULT_ACL, isAcl, isOnlyMode, modeFrom, withMode } from './memory-acl.ts';
import { isRegular } from './memory-content.ts';
import { allocated, BLOCK, type Extra, extraOf, fail, isDirectory, typeOf } from './memory-device.ts';
import { type Mount, type Open, opened, requireWritable, type World } from './memory-world.ts';

const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o10;
const UNCHANGED = 0xffffffff;
const CAPABILITY = ascii('security.capability');
const NAMESPACES = /^(?:user|trusted|security)\../;
/** Sizes and versions of struct vfs_cap_data (linux/capability.h). */
const CAPABILITY_SIZES: Readonly<Record<number, number>> = { 33554432: 20, 50331648: 24 };
const KEY_MAX = 255;
const VALUE_MAX = 65_536;

export function describe({ mount, inode, dentry }: Pick<Open, 'mount' | 'inode' | 'dentry'>): Stat {
  const { mtime, immutable, appendOnly, extents } = extraOf(mount.device, inode);
  const type = typeOf(inode);
  const sizes = { directory: BLOCK, symlink: inode.symlink?.length, file: inode.getSize() };
  return {
    type,
    mode: inode.mode & 0o7777,
    uid: inode.uid,
    gid: inode.gid,
    ino: BigInt(inode.ino),
    dev: mount.device.dev,
    mountId: mount.id,
    rdev: inode.rdev,
    nlink: inode.nlink,
    size: (sizes as Record<string, number | undefined>)[type] ?? 0,
    blocks: type === 'directory' ? BLOCK / 512 : allocated(extents) / 512,
    mtime,
    born: undefined,
    immutable,
    appendOnly,
    mountRoot: dentry !== undefined && dentry === mount.root,
  };
}

/** What every change of an attribute needs; fails as on a read-only mount and for the inode flags. */
function changing(world: World, file: FileHandle, call: string): Open & { readonly extra: Extra } {
  const open = opened(world, file, call);
  requireWritable(open.mount, call);
  const extra = extraOf(open.mount.device, open.inode);
  if (extra.immutable || extra.appendOnly) fail('EPERM', call);
  return { ...open, extra };
}

/** Takes setuid, setgid and capabilities away from all but directories, whoever calls and even when nothing changes. */
export function chown(world: World, file: FileHandle, uid: number, gid: number): void {
  const { inode, extra } = changing(world, file, 'fchownat');
  if (uid !== -1 && uid !== UNCHANGED) inode.uid = uid;
  if (gid !== -1 && gid !== UNCHANGED) inode.gid = gid;
  if (isDirectory(inode)) return;
  // Setgid without group execution once meant mandatory locking, and stays for root.
  inode.mode &= ~(inode.mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID);
  extra.xattrs.delete(CAPABILITY);
}

export function chmod(world: World, file: FileHandle, mode: number): void {
  const { inode, extra } = changing(world, file, 'fchmodat');
  if (inode.isSymlink()) fail('EOPNOTSUPP', 'fchmodat');
  inode.mode = (inode.mode & S_IFMT) | (mode & 0o7777);
  const acl = extra.xattrs.get(ACCESS_ACL);
  if (acl !== undefined) extra.xattrs.set(ACCESS_ACL, withMode(acl, mode));
}

export function setTimes(world: World, file: FileHandle, { sec, nsec }: Timestamp): void {
  const { extra } = changing(world, file, 'utimensat');
  if (nsec < 0 || nsec >= 1e9) fail('EINVAL', 'utimensat');
  extra.mtime = { sec, nsec };
}

export function xattrs(world: World, file: FileHandle): Xattrs {
  const { mount, inode } = opened(world, file, 'flistxattr');
  const found = extraOf(mount.device, inode).xattrs;
  return new Map(Array.from(found, ([key, value]) => [key, Buffer.from(value)]));
}

export function setXattr(world: World, file: FileHandle, key: Bytes, value: Buffer): void {
  const call = 'fsetxattr';
  const open = changing(world, file, call);
  checkKey(open, key, call);
  if (value.length > VALUE_MAX) fail('E2BIG', call, key);
  if (key === ACCESS_ACL || key === DEFAULT_ACL) {
    setAcl(open, key, value, call);
    return;
  }
  if (key === CAPABILITY && !isCapability(value)) fail('EINVAL', call, key);
  open.extra.xattrs.set(key, Buffer.from(value));
}

function isCapability(value: Buffer): boolean {
  return value.length >= 4 && CAPABILITY_SIZES[value.readUInt32LE(0) & 0xff000000] === value.length;
}

function setAcl({ inode, extra }: Open & { readonly extra: Extra }, key: Bytes, value: Buffer, call: string): void {
  if (!isAcl(value)) fail('EINVAL', call, key);
  if (key === DEFAULT_ACL) {
    if (!isDirectory(inode)) fail('EACCES', call, key);
    extra.xattrs.set(key, Buffer.from(value));
    return;
  }
  inode.mode = modeFrom(value, inode.mode);
  if (isOnlyMode(value)) extra.xattrs.delete(key);
  else extra.xattrs.set(key, Buffer.from(value));
}

export function removeXattr(world: World, file: FileHandle, key: Bytes): void {
  const open = changing(world, file, 'fremovexattr');
  checkKey(open, key, 'fremovexattr');
  if (open.extra.xattrs.delete(key) || key === ACCESS_ACL || key === DEFAULT_ACL) return;
  fail('ENODATA', 'fremovexattr', key);
}

function checkKey({ mount, inode }: { mount: Mount; inode: Open['inode'] }, key: Bytes, call: string): void {
  if (key.length > KEY_MAX) fail('ERANGE', call, key);
  const isAclKey = key === ACCESS_ACL || key === DEFAULT_ACL;
  if (!isAclKey && !NAMESPACES.test(key)) fail('EOPNOTSUPP', call, key);
  if (!mount.device.limits.xattrs || (isAclKey && inode.isSymlink())) fail('EOPNOTSUPP', call, key);
  // user.* only where owners, not passers-by, decide what is stored: xattr(7).
  if (key.startsWith('user.') && !isRegular(inode) && !isDirectory(inode)) fail('EPERM', call, key);
}
