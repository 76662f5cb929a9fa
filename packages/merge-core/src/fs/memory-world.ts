/** The state of a memory port: devices, mounts and open handles, and how names are looked up in them. */

import type { DirHandle, FileHandle, Timestamp } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import {
  copyDevice,
  type Dentry,
  type Device,
  type Extra,
  extraOf,
  fail,
  type Inode,
  isDirectory,
  releaseUnused,
} from './memory-device.ts';

export interface Mount {
  readonly id: number;
  readonly device: Device;
  /** The dentry that it shows at its mount point. */
  readonly root: Dentry;
  /** The mount and the dentry that it covers; undefined for the first. */
  readonly over: Place | undefined;
  readOnly: boolean;
}

/** A dentry as it was reached, like the kernel's struct path. */
export interface Place {
  readonly mount: Mount;
  readonly dentry: Dentry;
}

/** What a handle number stands for. A directory's inode has one dentry for life, so it follows every rename. */
export interface Open {
  readonly kind: 'directory' | 'file' | 'pin';
  readonly mount: Mount;
  readonly inode: Inode;
  /** The name it was opened by; undefined for an unnamed file. */
  readonly dentry: Dentry | undefined;
  readonly writable: boolean;
  position: number;
}

export interface World {
  readonly mounts: Mount[];
  readonly handles: Map<number, Open>;
  nextHandle: number;
  readonly now: () => Timestamp;
  readonly kernel: Kernel;
}

/** What differs between kernels. */
export interface Kernel {
  /**
   * Under which path a file that a rename replaced is shown while it is held: its `own` (Linux 4.17 and later), in the
   * `directory` that its successor came from (about 3.18 to 4.16), or by its successor's `former` path (until 3.16).
   */
  readonly replacedShow: 'own' | 'directory' | 'former';
}

/** What a name in an open directory refers to. */
export interface Slot extends Place {
  /** The directory, in `dentry`'s place. */
  readonly name: Bytes;
  readonly found: Dentry | undefined;
}

const SYMLINKS_MAX = 40;

export function openHandle<T extends DirHandle | FileHandle>(
  world: World,
  kind: Open['kind'],
  { mount, dentry, inode }: { mount: Mount; dentry?: Dentry; inode: Inode },
  writable = false,
): T {
  extraOf(mount.device, inode).opens++;
  world.handles.set(world.nextHandle, { kind, mount, inode, dentry, writable, position: 0 });
  return world.nextHandle++ as T;
}

export function opened(world: World, handle: DirHandle | FileHandle, call: string): Open {
  return world.handles.get(handle) ?? fail('EBADF', call);
}

/** A handle on content: what is only pinned answers EBADF, as O_PATH does. */
export function openedFile(world: World, handle: FileHandle, call: string): Open {
  const open = opened(world, handle, call);
  return open.kind === 'pin' ? fail('EBADF', call) : open;
}

export function openedDir(world: World, handle: DirHandle, call: string): Place {
  const { kind, mount, dentry } = opened(world, handle, call);
  if (kind !== 'directory' || dentry === undefined) return fail('ENOTDIR', call);
  return { mount, dentry };
}

export function close(world: World, handle: DirHandle | FileHandle): void {
  const { mount, inode } = opened(world, handle, 'close');
  world.handles.delete(handle);
  const extra = extraOf(mount.device, inode);
  extra.opens--;
  if (extra.lockOwner === handle) extra.lockOwner = undefined;
  if (extra.recordLockOwner === handle) extra.recordLockOwner = undefined;
  releaseUnused(mount.device, inode);
}

export function isRemoved(dir: Dentry): boolean {
  return dir.getNode().nlink === 0;
}

export function extraAt({ mount, dentry }: Place): Extra {
  return extraOf(mount.device, dentry.getNode());
}

/** What is mounted there, topmost, or the place itself. */
function cross(world: World, place: Place): Place {
  const top = world.mounts.findLast(({ over }) => over?.mount === place.mount && over.dentry === place.dentry);
  return top === undefined ? place : cross(world, { mount: top, dentry: top.root });
}

export function isMountPoint(world: World, dentry: Dentry): boolean {
  return world.mounts.some(({ over }) => over?.dentry === dentry);
}

/** The entry called `name` without looking at what is mounted on it. */
function childOf({ mount, dentry }: Place, name: Bytes, call: string): Dentry | undefined {
  if (name.length > mount.device.limits.nameMax) fail('ENAMETOOLONG', call, name);
  if (isRemoved(dentry)) return undefined;
  return dentry.children.get(name);
}

/**
 * Where `path` starts and its directories lead, from `at`. Symlinks on the way give ELOOP and a way above `at` EXDEV,
 * like openat2 with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS.
 */
export function descend(world: World, at: Place, path: Bytes, call: string): Place {
  if (path.startsWith('/')) fail('EXDEV', call, path);
  const way = [at];
  for (const name of path.split('/') as Bytes[]) {
    if (name === '' || name === '.') continue;
    const here = way.at(-1) as Place;
    if (name === '..') {
      if (way.length === 1) fail('EXDEV', call, path);
      way.pop();
      continue;
    }
    const child = childOf(here, name, call) ?? fail('ENOENT', call, path);
    const place = cross(world, { mount: here.mount, dentry: child });
    const inode = place.dentry.getNode();
    if (inode.isSymlink()) fail('ELOOP', call, path);
    if (!isDirectory(inode)) fail('ENOTDIR', call, path);
    way.push(place);
  }
  return way.at(-1) as Place;
}

/** The place of an absolute path; symlinks are followed, the last one too. */
export function followAbsolute(world: World, path: Bytes, call: string): Place {
  const first = world.mounts[0] as Mount;
  const top = cross(world, { mount: first, dentry: first.root });
  if (!path.startsWith('/')) fail('ENOENT', call, path);
  let way = [top];
  const names = path.split('/').reverse() as Bytes[];
  let symlinks = 0;
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    const here = way.at(-1) as Place;
    if (name === '' || name === '.') continue;
    if (!isDirectory(here.dentry.getNode())) fail('ENOTDIR', call, path);
    if (name === '..') {
      if (way.length > 1) way.pop();
      continue;
    }
    const child = childOf(here, name, call) ?? fail('ENOENT', call, path);
    const place = cross(world, { mount: here.mount, dentry: child });
    const inode = place.dentry.getNode();
    if (!inode.isSymlink()) {
      way.push(place);
      continue;
    }
    if (++symlinks > SYMLINKS_MAX) fail('ELOOP', call, path);
    if (inode.symlink.startsWith('/')) way = [top];
    names.push(...(inode.symlink.split('/').reverse() as Bytes[]));
  }
  return way.at(-1) as Place;
}

/** The name in its directory, itself: neither followed nor crossed into what is mounted there. */
export function slot(world: World, at: DirHandle, path: Bytes, call: string): Slot {
  const cut = path.lastIndexOf('/');
  const base = openedDir(world, at, call);
  const dir = cut < 0 ? base : descend(world, base, path.slice(0, cut) as Bytes, call);
  const name = path.slice(cut + 1) as Bytes;
  if (name === '') fail('ENOENT', call, path);
  if (name === '.' || name === '..' || name.includes('\0')) throw new Error(`bug: ${call} with the name \`${name}\``);
  return { ...dir, name, found: childOf(dir, name, call) };
}

/** What `name` refers to, crossing into what is mounted there; `''` is the directory itself. */
export function lookUp(world: World, at: DirHandle, name: Bytes, call: string): Place | undefined {
  if (name === '') return openedDir(world, at, call);
  const { mount, found } = slot(world, at, name, call);
  return found && cross(world, { mount, dentry: found });
}

export function requireWritable(mount: Mount, call: string, ...paths: Bytes[]): void {
  if (mount.readOnly) fail('EROFS', call, ...paths);
}

/** The same world again, with no process in it: nothing is open and nothing is locked. */
export function copyWorld(world: World): World {
  const seen = new Map<Dentry, Dentry>();
  const devices = new Map<Device, Device>();
  const mounts = new Map<Mount, Mount>();
  for (const { device } of world.mounts) {
    if (!devices.has(device)) devices.set(device, copyDevice(device, seen));
  }
  for (const mount of world.mounts) {
    const { device, root, over } = mount;
    mounts.set(mount, {
      ...mount,
      device: devices.get(device) as Device,
      root: seen.get(root) as Dentry,
      over: over && { mount: mounts.get(over.mount) as Mount, dentry: seen.get(over.dentry) as Dentry },
    });
  }
  return { ...world, mounts: [...mounts.values()], handles: new Map() };
}

/** As d_path: the names up to the root of all, and a mark when the last of them is gone. */
export function pathShown(world: World, handle: FileHandle): Bytes | undefined {
  const { mount, dentry } = opened(world, handle, 'readlinkat');
  if (dentry === undefined) return undefined;
  const gone = dentry !== mount.root && dentry.parent?.children.get(dentry.name) !== dentry;
  return `${pathOf({ mount, dentry })}${gone ? ' (deleted)' : ''}` as Bytes;
}

function pathOf({ mount, dentry }: Place): string {
  if (dentry === mount.root) return mount.over === undefined ? '/' : pathOf(mount.over);
  const above = dentry.parent === undefined ? '/' : pathOf({ mount, dentry: dentry.parent });
  return `${above === '/' ? '' : above}/${dentry.name}`;
}
