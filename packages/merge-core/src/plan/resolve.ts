import type { FsPort, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { type Problem, quoted } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, join } from '../paths.ts';

/** As many as the kernel follows (path_resolution(7)). */
const LINKS_MAX = 40;

/** A symlink in the root led here. `stat` is undefined where it leads nowhere. */
export interface Resolved {
  readonly path: Bytes;
  readonly stat: Stat | undefined;
}

/**
 * Follows the symlink `name` in `directory` (a real path below the root), component by component, as if the
 * root were `/`: absolute targets start there and `..` never leaves it (G6). Links that somebody else could
 * have planted are not followed.
 *
 * Not guaranteed: that the way is the same a moment later. Who uses the path opens it without following links.
 */
export function resolveLink(directory: Bytes, name: Bytes, fs: FsPort, root: OpenDirectories): Resolved | Problem {
  let current = directory;
  const todo: Bytes[] = [name];
  for (let links = 0; ; ) {
    const next = todo.pop();
    if (next === undefined) return { path: current, stat: fs.stat(root.at(current), HERE) };
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
      if (parent === undefined || !isTrustworthy(stat, parent)) return unsafe(path);
      if (++links > LINKS_MAX) return loop(join(directory, name));
      const target = fs.readlink(dir, next);
      if (target.startsWith('/')) current = HERE;
      todo.push(...(target.split('/') as Bytes[]).reverse());
    } else {
      return { path, stat };
    }
  }
}

/** Root or the directory's owner made it; nobody else could have moved it there. */
function isTrustworthy(link: Stat, directory: Stat): boolean {
  const anyoneMoves = (directory.mode & 0o002) !== 0 && (directory.mode & 0o1000) === 0;
  return (link.uid === 0 || link.uid === directory.uid) && !anyoneMoves;
}

function unsafe(path: Bytes): Problem {
  return {
    code: 'UNSAFE_SYMLINK',
    path,
    message: `${quoted(path)} is a symlink that a user may have planted: not followed`,
  };
}

function loop(path: Bytes): Problem {
  return {
    code: 'SYMLINK_LOOP',
    path,
    message: `${quoted(path)} leads through more than ${LINKS_MAX} symlinks (ELOOP)`,
  };
}
