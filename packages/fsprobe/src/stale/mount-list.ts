import { servedTypes } from '../filesystem.ts';
import type { Mountinfo } from '../mounts/mountinfo.ts';

/** What the scan asks of the mounts that some process sees. */
export interface MountList {
  /** Whether files of this mount have a path for that process. */
  hasMount(id: number | undefined): boolean;
  hasDevice(dev: number): boolean;
  /** The mount shows a file or directory that has lost its name: whatever is there, a new process gets it too. */
  isPinned(id: number | undefined): boolean;
  isOverlay(id: number | undefined): boolean;
  /** The file system is served by somebody who may never answer. */
  isServed(dev: number): boolean;
  /** Here maps counts files as stat does: by the device of the file system and a number that is unique in it. */
  countsAlike(dev: number): boolean;
  /** The same of the mount that a path is on, by the longest mount point above it. */
  isServedAt(path: string): boolean;
}

/** One st_dev, one set of inode numbers, and no file system below that has others. Not btrfs, overlay, bcachefs. */
const PLAIN: ReadonlySet<string> = new Set([
  'ext4',
  'ext3',
  'ext2',
  'xfs',
  'tmpfs',
  'ramfs',
  'f2fs',
  'squashfs',
  'erofs',
  'jfs',
]);

/** @param root the mount of the process's root, which is not listed in a chroot */
export function mountList(
  { mounts }: Mountinfo,
  root: { readonly mountId: number | undefined; readonly dev: number },
): MountList {
  const ids = new Set<number | undefined>([root.mountId, ...mounts.map(({ id }) => id)]);
  const pinned = new Set(mounts.filter(({ rootDeleted }) => rootDeleted).map(({ id }) => id));
  const overlays = new Set(mounts.filter(({ type }) => type === 'overlay').map(({ id }) => id));
  const devices = new Set([root.dev, ...mounts.map(({ dev }) => dev)]);
  const devicesOf = (accepts: (type: string) => boolean): Set<number> =>
    new Set(mounts.filter(({ type }) => accepts(type)).map(({ dev }) => dev));
  const served = devicesOf((type) => servedTypes.includes(type));
  const isAnyServed = [...served].some((dev) => dev !== root.dev);
  const plain = devicesOf((type) => PLAIN.has(type));
  return {
    // Before Linux 5.8 stat tells no mount.
    hasMount: (id) => id === undefined || ids.has(id),
    hasDevice: (dev) => devices.has(dev),
    isPinned: (id) => id !== undefined && pinned.has(id),
    isOverlay: (id) => id !== undefined && overlays.has(id),
    // What all runs from answers.
    isServed: (dev) => dev !== root.dev && served.has(dev),
    countsAlike: (dev) => plain.has(dev),
    isServedAt(path) {
      if (!isAnyServed) return false;
      const above = mounts.filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`));
      // Of those at one point the last is uppermost.
      const nearest = above.reverse().toSorted((a, b) => b.point.length - a.point.length)[0];
      return nearest !== undefined && nearest.dev !== root.dev && servedTypes.includes(nearest.type);
    },
  };
}
