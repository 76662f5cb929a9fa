import type { DirHandle, FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno, PATH_MAX, UnsupportedPlatformError } from '@emplace/syscalls';
import { type ErrorCode, explain, MergeError, quoted } from './errors.ts';
import type { MergeRequest } from './options.ts';
import { statDirectory } from './plan/survey.ts';

/** The two trees of a merge, open; without an image where something is only removed. */
export interface Trees extends Disposable {
  readonly image: DirHandle | undefined;
  readonly root: DirHandle;
  /** Mount id of the root. */
  readonly rootMount: number;
  /** The image lies on another mount: nothing of it is renamed to its place. */
  readonly isAcross: boolean;
}

/** @throws MergeError IMAGE_MISSING, IMAGE_UNREADABLE, ROOT_MISSING, ROOT_UNUSABLE, OVERLAPPING_TREES */
export function openTrees({ image, root, fs }: Pick<MergeRequest, 'image' | 'root' | 'fs'>): Trees {
  using opened = new DisposableStack();
  const open = (dir: DirHandle): DirHandle => opened.adopt(dir, (handle) => fs.closeDir(handle));
  const trees = { image: image && open(openImage(image, fs)), root: open(openRoot(root, fs)) };
  let [rootMount, isAcross] = [0, false];
  try {
    rootMount = statDirectory(trees.root, fs).mountId;
    isAcross = trees.image !== undefined && statDirectory(trees.image, fs).mountId !== rootMount;
    if (image !== undefined) checkOverlap(image, root, fs);
  } catch (error) {
    throw explain(error, 'ROOT_UNUSABLE', 'cannot tell where root and image are');
  }
  const kept = opened.move();
  return { ...trees, rootMount, isAcross, [Symbol.dispose]: () => kept.dispose() };
}

/** The paths of the trees that a merge has. */
export function pathsOf({ image, root }: Pick<MergeRequest, 'image' | 'root'>): Bytes[] {
  return image === undefined ? [root] : [root, image];
}

/** The root alone, open. @throws MergeError ROOT_MISSING, ROOT_UNUSABLE */
export function openRootAlone(path: Bytes, fs: FsPort): Omit<Trees, 'image' | 'rootMount' | 'isAcross'> {
  const root = openRoot(path, fs);
  return { root, [Symbol.dispose]: () => fs.closeDir(root) };
}

/** @throws MergeError IMAGE_MISSING, IMAGE_UNREADABLE */
function openImage(path: Bytes, fs: FsPort): DirHandle {
  return openTree(path, 'image', { missing: 'IMAGE_MISSING', unusable: 'IMAGE_UNREADABLE' }, fs);
}

/** @throws MergeError ROOT_MISSING, ROOT_UNUSABLE */
function openRoot(path: Bytes, fs: FsPort): DirHandle {
  return openTree(path, 'root', { missing: 'ROOT_MISSING', unusable: 'ROOT_UNUSABLE' }, fs);
}

/** @throws MergeError DIRECTORY_UNUSABLE */
export function openAsked(path: Bytes, what: string, fs: FsPort): DirHandle {
  return openTree(path, what, { missing: 'DIRECTORY_UNUSABLE', unusable: 'DIRECTORY_UNUSABLE' }, fs);
}

function openTree(
  path: Bytes,
  what: string,
  codes: { missing: ErrorCode; unusable: ErrorCode },
  fs: FsPort,
): DirHandle {
  try {
    return fs.openRoot(path);
  } catch (error) {
    if (error instanceof UnsupportedPlatformError)
      throw new MergeError('UNSUPPORTED_PLATFORM', error.message, { cause: error });
    if (!isErrno(error)) throw error;
    const missing = error.code === 'ENOENT' || error.code === 'ENOTDIR';
    throw new MergeError(
      missing ? codes.missing : codes.unusable,
      `the ${what} ${quoted(path)} cannot be opened as a directory (${error.code})`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Refuses trees of which one holds the other: a merge would move a directory into itself, or make its own image
 * part of what it changes. An image below `/` is fine when the root is `/`: that is where package managers build.
 *
 * @throws MergeError OVERLAPPING_TREES
 */
function checkOverlap(image: Bytes, root: Bytes, fs: FsPort): void {
  const imageStat = statOf(image, fs);
  const rootStat = statOf(root, fs);
  if (isSame(imageStat, rootStat)) throw new MergeError('OVERLAPPING_TREES', 'image and root are the same directory');
  if (isAbove(imageStat, root, fs)) throw new MergeError('OVERLAPPING_TREES', 'the root lies inside the image');
  const everything = isSame(rootStat, statOf(parentOf(root), fs));
  if (!everything && isAbove(rootStat, image, fs))
    throw new MergeError('OVERLAPPING_TREES', 'the image lies inside the root');
}

/** Whether the directory with this stat is met on the way up from `path`. */
function isAbove(stat: Stat, path: Bytes, fs: FsPort): boolean {
  let below = statOf(path, fs);
  // A path of so many `..` that the kernel takes no more: the plan meets the other tree, if it is there.
  for (let up = parentOf(path); up.length < PATH_MAX; up = parentOf(up)) {
    const here = statOf(up, fs);
    if (isSame(here, stat)) return true;
    if (isSame(here, below)) return false;
    below = here;
  }
  return false;
}

/** The kernel resolves it, so a symlink on the way leads to the true parent. */
function parentOf(path: Bytes): Bytes {
  return `${path}/..` as Bytes;
}

function statOf(path: Bytes, fs: FsPort): Stat {
  const dir = fs.openRoot(path);
  try {
    return statDirectory(dir, fs);
  } finally {
    fs.closeDir(dir);
  }
}

function isSame(a: Stat, b: Stat): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}
