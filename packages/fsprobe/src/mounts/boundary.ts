import type { Bytes } from '@emplace/syscalls';
import type { Unread } from '../processes/read.ts';
import type { Mount } from './mountinfo.ts';

/** What holds for all that lies beyond a boundary, up to the next. */
interface Part {
  /** Relative to the directory that was asked about; `''` is that itself. */
  readonly path: Bytes;
  readonly mountId: number;
  /** st_dev of its top; of a mount that is not open, what the list of mounts says. */
  readonly dev: number;
  /** Nothing can be written, whoever tries: the mount, its file system or the subvolume is read-only. */
  readonly readOnly: boolean;
  readonly noExec: boolean;
  readonly noSuid: boolean;
  readonly noDev: boolean;
}

export interface MountBoundary extends Part {
  readonly kind: 'mount';
  readonly mount: Mount;
  /**
   * How much of its file system: `all`; `subvolume`, a whole one of btrfs; or `part`, a bind mount of the directory or
   * file `mount.root`. A bind mount of a whole file system cannot be told from a second mount of it: both are `all`.
   */
  readonly shows: 'all' | 'subvolume' | 'part';
  /** undefined where it is not open, or does not say. */
  readonly entry: 'directory' | 'file' | undefined;
  /** `hidden`: its path leads elsewhere, for another mount covers it or a directory above. Unread: it could not be looked at. */
  readonly reach: 'open' | 'hidden' | Unread;
}

/** A btrfs subvolume that is no mount point. */
export interface SubvolumeBoundary extends Part {
  readonly kind: 'subvolume';
  readonly reach: 'open';
}

/** Where rename(2) and link(2) from outside to inside give EXDEV. */
export type Boundary = MountBoundary | SubvolumeBoundary;

/** Each before what lies below it; at one path what is hidden first, in the kernel's order, then what is open. */
export function inOrder(boundaries: readonly Boundary[]): Boundary[] {
  // A slash sorts before every other byte, so that `a/b` comes before `a-b`. No path has a NUL.
  const keyed = boundaries.map((boundary) => ({ boundary, key: boundary.path.replaceAll('/', '\0') }));
  const rank = ({ reach }: Boundary): number => (reach === 'hidden' ? 0 : 1);
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : rank(a.boundary) - rank(b.boundary)));
  return keyed.map(({ boundary }) => boundary);
}
