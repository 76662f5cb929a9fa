import type { DirHandle, FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { type Problem, quoted } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, join } from '../paths.ts';

/** As many as the kernel follows (path_resolution(7)). */
export const LINKS_MAX = 40;

/** A symlink in the root led here. `stat` is undefined where it leads nowhere. */
export interface Resolved {
  readonly path: Bytes;
  readonly stat: Stat | undefined;
}

/**
 * Follows the symlink `name` in `directory` (a real path below the root), component by component, as if the
 * root were `/`: absolute targets start there and `..` never leaves it (G6). Links that somebody else could
 * have planted are not followed, and one of a user's in a directory of his own only to what is his too: the user of a service
 * could otherwise put a symlink to `/etc` in place of a subdirectory of his, and have files of the same names written there.
 *
 * Not guaranteed: that the way is the same a moment later. Who uses the path opens it without following links.
 */
export function resolveLink(directory: Bytes, name: Bytes, fs: FsPort, root: OpenDirectories): Resolved | Problem {
  let current = directory;
  const todo: Bytes[] = [name];
  /** Links that lead only to what belongs to who made them. */
  const limited: { readonly path: Bytes; readonly uid: number }[] = [];
  const arrived = (path: Bytes, stat: Stat | undefined): Resolved | Problem => {
    const owner = (stat ?? fs.stat(root.at(current), HERE))?.uid;
    const astray = limited.find(({ uid }) => uid !== owner);
    return astray === undefined ? { path, stat } : unsafeLink(astray.path);
  };
  for (let links = 0; ; ) {
    const next = todo.pop();
    if (next === undefined) return arrived(current, fs.stat(root.at(current), HERE));
    if (next === '' || next === '.') continue;
    if (next === '..') {
      current = current.slice(0, Math.max(current.lastIndexOf('/'), 0)) as Bytes;
      continue;
    }
    const dir = root.at(current);
    const stat = fs.stat(dir, next);
    const path = join(current, next);
    if (stat?.type === 'directory') {
      current = path;
    } else if (stat?.type === 'symlink') {
      const parent = fs.stat(dir, HERE);
      if (parent === undefined || !isTrustworthy(stat, parent, fs.uid)) return unsafeLink(path);
      if (!isOurs(stat.uid, fs, root)) limited.push({ path, uid: stat.uid });
      if (++links > LINKS_MAX) return linksLoop(join(directory, name));
      const target = readLink(dir, next, fs);
      if (target?.startsWith('/')) current = HERE;
      // What is no symlink any more is looked at once more.
      todo.push(...(target === undefined ? [next] : (target.split('/') as Bytes[]).reverse()));
    } else {
      return arrived(path, stat);
    }
  }
}

/** undefined when somebody put something else there since it was looked at. */
function readLink(dir: DirHandle, name: Bytes, fs: FsPort): Bytes | undefined {
  try {
    return fs.readlink(dir, name);
  } catch (error) {
    if (isErrno(error, 'EINVAL', 'ENOENT')) return undefined;
    throw error;
  }
}

/** Root or the directory's owner made it; nobody else could have moved it there. */
function isTrustworthy(link: Stat, directory: Stat, uid: number): boolean {
  return (link.uid === 0 || link.uid === directory.uid) && !othersMove(directory, uid);
}

/**
 * Whether others may put a link of root's or the owner's that lies elsewhere into a directory: all may write to it, or a
 * group, which may have members that its directory's owner is not (root:mail, 02775). Not root's group; and what an
 * ordinary user lets his own group do to his directories is his affair when it is he who merges (umask 002). The sticky
 * bit keeps others from taking names away, not from bringing one along: a link of root's that lies in a user's directory.
 */
export function othersMove({ mode, uid: owner, gid }: Stat, uid: number): boolean {
  const isOwn = owner === uid && uid !== 0;
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0 && !isOwn);
}

/** Root, who merges, and the owner of the root directory, who can put anything anywhere in it. */
function isOurs(uid: number, fs: FsPort, root: OpenDirectories): boolean {
  return uid === 0 || uid === fs.uid || uid === fs.stat(root.at(HERE), HERE)?.uid;
}

/** A symlink on the way that is not followed. */
export function unsafeLink(path: Bytes): Problem {
  return {
    code: 'UNSAFE_SYMLINK',
    path,
    message: `${quoted(path)} is a symlink that a user may have planted: not followed`,
  };
}

/** Symlinks that lead in a circle. */
export function linksLoop(path: Bytes): Problem {
  return {
    code: 'SYMLINK_LOOP',
    path,
    message: `${quoted(path)} leads through more than ${LINKS_MAX} symlinks (ELOOP)`,
  };
}
