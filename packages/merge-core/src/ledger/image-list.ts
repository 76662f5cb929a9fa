import type { FsPort, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, join, splitPath } from '../paths.ts';
import type { Excluded } from '../plan/exclude.ts';
import type { Steps } from '../steps.ts';
import type { InstallMask } from './install-mask.ts';

/** One entry of the image that the package will own. */
export interface ImageEntry {
  /** Below the image, and so below the root before symlinks there are followed. */
  readonly path: Bytes;
  readonly stat: Stat;
  /** Of a symlink. */
  readonly target?: Bytes;
}

/** What a package brings. */
export interface ImageList {
  /** Sorted by path, so each directory before what is in it. */
  readonly entries: readonly ImageEntry[];
  /** What INSTALL_MASK keeps out: a masked directory only if nothing in it stays (H). */
  readonly masked: ReadonlySet<Bytes>;
}

interface Directory {
  readonly entry: ImageEntry;
  readonly above: Directory | undefined;
  readonly isMasked: boolean;
  /** Something in it is brought. */
  keeps: boolean;
}

/** Walks the image once. Sockets and what is excluded are no part of a package. */
export function* listImage(
  image: OpenDirectories,
  excluded: Excluded,
  mask: InstallMask | undefined,
  fs: FsPort,
): Steps<ImageList> {
  const entries: ImageEntry[] = [];
  const masked = new Set<Bytes>();
  const directories: Directory[] = [];
  const pending: { path: Bytes; directory: Directory | undefined }[] = [{ path: HERE, directory: undefined }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield 'stoppable';
    const { path: parent, directory } = next;
    const dir = image.at(parent);
    for (const { name } of fs.list(dir)) {
      const path = join(parent, name);
      const stat = excluded(path) ? undefined : fs.stat(dir, name);
      if (stat === undefined || stat.type === 'socket') continue;
      const isMasked = mask?.(path, stat.type === 'directory') === true;
      if (stat.type === 'directory') {
        const below = { entry: { path, stat }, above: directory, isMasked, keeps: false };
        directories.push(below);
        pending.push({ path, directory: below });
      } else if (isMasked) {
        masked.add(path);
      } else {
        entries.push({ path, stat, ...(stat.type === 'symlink' && { target: fs.readlink(dir, name) }) });
        if (directory !== undefined) directory.keeps = true;
      }
    }
  }
  // Children come after their parents: backwards, each is known when its parent is decided.
  for (const { entry, above, isMasked, keeps } of directories.reverse()) {
    if (isMasked && !keeps) {
      masked.add(entry.path);
      continue;
    }
    entries.push(entry);
    if (above !== undefined) above.keeps = true;
  }
  entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { entries, masked };
}

/** Paths that have `path` or something below it among them: asked for directories before they go in as a whole. */
export function ancestorsOf(paths: Iterable<Bytes>): Set<Bytes> {
  const above = new Set<Bytes>();
  for (const path of paths) {
    for (let here = path; here !== HERE && !above.has(here); here = splitPath(here).parent) above.add(here);
  }
  return above;
}
