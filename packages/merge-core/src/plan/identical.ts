import type { DirHandle, FileHandle, FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { sameXattrs } from '../strategy/attributes.ts';
import type { LostThere } from './carry.ts';

/** The same name in two open directories. */
interface Pair {
  readonly image: DirHandle;
  readonly root: DirHandle;
  readonly name: Bytes;
}

/**
 * Whether the root's entry is what the image's would be, its time aside: type, owner, mode, size, content or
 * link target or device, and xattrs; content only where that is not known to be the same; but for what the root cannot carry and the caller accepts to be `lost`. Cheap differences are looked at first; content is read only when all else is equal.
 */
export function isIdentical(
  pair: Pair,
  source: Stat,
  target: Stat,
  lost: LostThere,
  isContentKnown: boolean,
  fs: FsPort,
): boolean {
  if (source.ino === target.ino && source.dev === target.dev) return true;
  if (source.type !== target.type) return false;
  if (source.mode !== target.mode && !lost.mode) return false;
  if ((source.uid !== target.uid || source.gid !== target.gid) && !lost.owner) return false;
  const xattrsAgree = (a: FileHandle, b: FileHandle): boolean => sameXattrs(fs.xattrs(a), fs.xattrs(b), lost.xattr);
  switch (source.type) {
    case 'file':
      return (
        (isContentKnown || source.size === target.size) &&
        handlesAgree(
          pair,
          (dir, name) => fs.openFile(dir, name),
          fs,
          (a, b) => xattrsAgree(a, b) && (isContentKnown || sameContent(a, b, fs)),
        )
      );
    case 'symlink':
      return (
        fs.readlink(pair.image, pair.name) === fs.readlink(pair.root, pair.name) &&
        handlesAgree(pair, (dir, name) => fs.pin(dir, name), fs, xattrsAgree)
      );
    default:
      return source.rdev === target.rdev && handlesAgree(pair, (dir, name) => fs.pin(dir, name), fs, xattrsAgree);
  }
}

/** Opens both and asks `agree`. */
function handlesAgree(
  pair: Pair,
  open: (dir: DirHandle, name: Bytes) => FileHandle,
  fs: FsPort,
  agree: (image: FileHandle, root: FileHandle) => boolean,
): boolean {
  const image = open(pair.image, pair.name);
  try {
    const root = tryOpen(() => open(pair.root, pair.name));
    if (root === undefined) return false;
    try {
      return agree(image, root);
    } finally {
      fs.closeFile(root);
    }
  } finally {
    fs.closeFile(image);
  }
}

/** A root's file that cannot be read (EACCES, EIO: the very file a merge may be there to replace) is not identical. */
function tryOpen(open: () => FileHandle): FileHandle | undefined {
  try {
    return open();
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

const CHUNK = 256 * 1024;
const left = Buffer.allocUnsafeSlow(CHUNK);
const right = Buffer.allocUnsafeSlow(CHUNK);

function sameContent(image: FileHandle, root: FileHandle, fs: FsPort): boolean {
  for (;;) {
    const count = fs.read(image, left);
    let filled = 0;
    // A short read of one side must not look like a difference.
    while (filled < count) {
      const more = fs.read(root, right.subarray(filled, count));
      if (more === 0) return false;
      filled += more;
    }
    if (count === 0) return fs.read(root, right) === 0;
    if (left.compare(right, 0, count, 0, count) !== 0) return false;
  }
}
