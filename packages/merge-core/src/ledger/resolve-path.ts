import type { FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import type { Problem } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, join, splitPath } from '../paths.ts';
import { type Resolved, resolveLink } from '../plan/resolve.ts';

/**
 * Where a path leads when symlinks are followed as if the root were `/`, as a person who wrote the path into a configuration
 * means it: slashes may be doubled, `.` and `..` occur. `stat` is undefined where there is nothing.
 * A symlink that a user may have planted is a problem.
 */
export function resolvePath(path: Bytes, fs: FsPort, root: OpenDirectories): Resolved | Problem {
  let here: Resolved = { path: HERE, stat: fs.stat(root.at(HERE), HERE) };
  for (const name of path.split('/') as Bytes[]) {
    if (name === '' || name === '.') continue;
    if (here.stat?.type !== 'directory') return { path: join(here.path, name), stat: undefined };
    const next = name === '..' ? up(here.path, fs, root) : step(here.path, name, fs, root);
    if ('code' in next) return next;
    here = next;
  }
  return here;
}

/** lstat; a name that no file system can hold is not there. */
export function statAt(directory: Bytes, name: Bytes, fs: FsPort, root: OpenDirectories): Stat | undefined {
  try {
    return fs.stat(root.at(directory), name);
  } catch (error) {
    if (isErrno(error, 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}

function step(directory: Bytes, name: Bytes, fs: FsPort, root: OpenDirectories): Resolved | Problem {
  const stat = statAt(directory, name, fs, root);
  return stat?.type === 'symlink' ? resolveLink(directory, name, fs, root) : { path: join(directory, name), stat };
}

function up(directory: Bytes, fs: FsPort, root: OpenDirectories): Resolved {
  const { parent } = splitPath(directory);
  return { path: parent, stat: fs.stat(root.at(parent), HERE) };
}
