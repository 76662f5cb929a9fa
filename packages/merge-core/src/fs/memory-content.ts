/** The calls on a file's content. memfs keeps the bytes, holes as zeros; which of them are allocated stands in `extents`. */

import type { DirHandle, FileHandle } from '@emplace/fsprobe';
import { ascii, type Bytes, S_IFIFO, S_IFREG } from '@emplace/syscalls';
import {
  allocated,
  BLOCK,
  charge,
  type Device,
  type Extent,
  type Extra,
  extraOf,
  fail,
  type Inode,
  isDirectory,
} from './memory-device.ts';
import { lookUp, type Mount, type Open, openedFile, openHandle, requireWritable, type World } from './memory-world.ts';

/** memfs holds a hole in memory, so a file cannot be larger than a test can pay for. */
const SIZE_MAX = 2 ** 30;
const CAPABILITY = ascii('security.capability');

/** What opening does: a FIFO never blocks, nothing is behind a device node or a socket. */
export function openFile(world: World, at: DirHandle, name: Bytes): FileHandle {
  const place = lookUp(world, at, name, 'openat') ?? fail('ENOENT', 'openat', name);
  const inode = place.dentry.getNode();
  if (inode.isSymlink()) fail('ELOOP', 'openat', name);
  const isReadable = isRegular(inode) || isDirectory(inode) || isPipe(inode);
  if (!isReadable) fail('ENXIO', 'openat', name);
  return openHandle(world, 'file', { ...place, inode });
}

/** For reading and writing. */
export function openWritable(world: World, at: DirHandle, name: Bytes): FileHandle {
  const place = lookUp(world, at, name, 'openat') ?? fail('ENOENT', 'openat', name);
  const inode = place.dentry.getNode();
  if (inode.isSymlink()) fail('ELOOP', 'openat', name);
  if (isDirectory(inode)) fail('EISDIR', 'openat', name);
  if (!isRegular(inode) && !isPipe(inode)) fail('ENXIO', 'openat', name);
  const { immutable, appendOnly } = extraOf(place.mount.device, inode);
  requireWritable(place.mount, 'openat', name);
  if (immutable || appendOnly) fail('EPERM', 'openat', name);
  return openHandle(world, 'file', { ...place, inode }, true);
}

export function isRegular(inode: Inode): boolean {
  return inode.mode >> 12 === S_IFREG >> 12;
}

function isPipe(inode: Inode): boolean {
  return inode.mode >> 12 === S_IFIFO >> 12;
}

function readable(world: World, file: FileHandle, call: string): Open {
  const open = openedFile(world, file, call);
  return isDirectory(open.inode) ? fail('EISDIR', call) : open;
}

function writable(world: World, file: FileHandle, call: string): Open {
  const open = openedFile(world, file, call);
  return open.writable ? open : fail('EBADF', call);
}

export function read(world: World, file: FileHandle, buffer: Uint8Array, offset?: number): number {
  const call = offset === undefined ? 'read' : 'pread';
  checkOffset(world, file, offset, call);
  const open = readable(world, file, call);
  const count = open.inode.read(buffer, 0, buffer.byteLength, offset ?? open.position);
  if (offset === undefined) open.position += count;
  return count;
}

/** All of it or, with ENOSPC, nothing; Linux may have written a part. */
export function write(world: World, file: FileHandle, data: Uint8Array, offset?: number): void {
  const call = offset === undefined ? 'write' : 'pwrite';
  checkOffset(world, file, offset, call);
  const open = writable(world, file, call);
  put(world, open, data, offset ?? open.position, call);
  if (offset === undefined) open.position += data.byteLength;
}

/** Before anything else, as Linux does: a pipe has no offsets, whatever it was opened for. */
function checkOffset(world: World, file: FileHandle, offset: number | undefined, call: string): void {
  if (offset === undefined) return;
  if (offset < 0) fail('EINVAL', call);
  if (isPipe(openedFile(world, file, call).inode)) fail('ESPIPE', call);
}

function put(world: World, { mount, inode }: Open, data: Uint8Array, at: number, call: string): void {
  if (data.byteLength === 0) return;
  const extra = extraOf(mount.device, inode);
  const end = at + data.byteLength;
  if (end > SIZE_MAX) fail('EFBIG', call);
  const extents = withExtent(extra.extents, Math.floor(at / BLOCK) * BLOCK, Math.ceil(end / BLOCK) * BLOCK);
  setExtents(mount.device, extra, extents, call);
  inode.write(Buffer.from(data.buffer, data.byteOffset, data.byteLength), 0, data.byteLength, at);
  changed(world, mount, inode);
}

/** Blocks that were shared with a clone are the file's own from its first change on. */
function setExtents(device: Device, extra: Extra, extents: Extent[], call: string): void {
  const before = extra.shared ? 0 : allocated(extra.extents);
  charge(device, allocated(extents) - before, call);
  extra.extents = extents;
  extra.shared = false;
}

/** Whatever changes content takes the file's capabilities away; setuid stays, because root changes it. */
function changed(world: World, mount: Mount, inode: Inode): void {
  const extra = extraOf(mount.device, inode);
  extra.mtime = world.now();
  extra.xattrs.delete(CAPABILITY);
}

function withExtent(extents: readonly Extent[], start: number, end: number): Extent[] {
  const before = extents.filter((extent) => extent.end < start);
  const after = extents.filter((extent) => extent.start > end);
  const touching = extents.slice(before.length, extents.length - after.length);
  const first = Math.min(start, touching[0]?.start ?? start);
  return [...before, { start: first, end: Math.max(end, touching.at(-1)?.end ?? end) }, ...after];
}

export function nextData(world: World, file: FileHandle, offset: number): { start: number; end: number } | undefined {
  const { mount, inode } = openedFile(world, file, 'lseek');
  if (isPipe(inode)) fail('ESPIPE', 'lseek');
  if (!isRegular(inode) || !mount.device.limits.holes || offset < 0) fail('EINVAL', 'lseek');
  const size = inode.getSize();
  const extent = extraOf(mount.device, inode).extents.find(({ start, end }) => end > offset && start < size);
  if (extent === undefined || offset >= size) return undefined;
  return { start: Math.max(offset, extent.start), end: Math.min(extent.end, size) };
}

export function copyRange(world: World, from: FileHandle, to: FileHandle, offset: number, length: number): number {
  const call = 'copy_file_range';
  const source = readable(world, from, call);
  const target = writable(world, to, call);
  if (!isRegular(source.inode)) fail('EINVAL', call);
  if (source.mount.device !== target.mount.device) fail('EXDEV', call);
  const data = Buffer.alloc(Math.max(0, Math.min(length, source.inode.getSize() - offset)));
  source.inode.read(data, 0, data.byteLength, offset);
  put(world, target, data, offset, call);
  return data.byteLength;
}

/** Across a bind mount of the same file system it works (Linux 5.18). */
export function cloneContent(world: World, from: FileHandle, to: FileHandle): void {
  const call = 'ioctl';
  const target = writable(world, to, call);
  const source = openedFile(world, from, call);
  const { device } = target.mount;
  if (source.mount.device !== device) fail('EXDEV', call);
  if (isDirectory(source.inode)) fail('EISDIR', call);
  if (!isRegular(source.inode)) fail('EINVAL', call);
  if (!device.limits.clone) fail('EOPNOTSUPP', call);
  const extra = extraOf(device, target.inode);
  setExtents(device, extra, [], call);
  extra.extents = [...extraOf(device, source.inode).extents];
  extra.shared = true;
  target.inode.setBuffer(source.inode.getBuffer());
  changed(world, target.mount, target.inode);
}

export function truncate(world: World, file: FileHandle, size: number): void {
  const { mount, inode, writable } = openedFile(world, file, 'ftruncate');
  if (!writable || size < 0) fail('EINVAL', 'ftruncate');
  if (size > SIZE_MAX) fail('EFBIG', 'ftruncate');
  const extra = extraOf(mount.device, inode);
  if (size < inode.getSize()) {
    const end = Math.ceil(size / BLOCK) * BLOCK;
    const kept = extra.extents.filter((extent) => extent.start < end);
    setExtents(
      mount.device,
      extra,
      kept.map((extent) => ({ ...extent, end: Math.min(extent.end, end) })),
      'ftruncate',
    );
  }
  inode.truncate(size);
  changed(world, mount, inode);
}

export function tryFlock(world: World, file: FileHandle): boolean {
  const { mount, inode } = openedFile(world, file, 'flock');
  const extra = extraOf(mount.device, inode);
  if (extra.lockOwner !== undefined && extra.lockOwner !== file) return false;
  extra.lockOwner = file;
  return true;
}

export function tryRecordLock(world: World, file: FileHandle): boolean {
  const { mount, inode, writable } = openedFile(world, file, 'fcntl');
  if (!writable) fail('EBADF', 'fcntl');
  const extra = extraOf(mount.device, inode);
  if (extra.recordLockOwner !== undefined && extra.recordLockOwner !== file) return false;
  extra.recordLockOwner = file;
  return true;
}
