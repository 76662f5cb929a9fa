import type { Bytes } from '@emplace/syscalls';
import { pythonGlob } from './python-glob.ts';

/**
 * Says whether a path (below the root, no leading slash) matches a list as COLLISION_IGNORE and UNINSTALL_IGNORE are.
 * The globs are matched against the path with a leading slash; `*` crosses slashes.
 */
export function ignoreGlobs(globs: readonly Bytes[]): (path: Bytes) => boolean {
  const matchers = globs.map(pythonGlob);
  return (path) => matchers.some((matches) => matches(`/${path}`));
}

/**
 * COLLISION_IGNORE names directories too: all below one is meant, not itself. UNINSTALL_IGNORE has only globs.
 * @param isDirectory what the root has at a path without a leading slash
 */
export function withDirectories(globs: readonly Bytes[], isDirectory: (path: Bytes) => boolean): Bytes[] {
  return globs.map((glob) => {
    const path = glob
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/') as Bytes;
    return (isDirectory(path) ? `/${path}/*` : glob) as Bytes;
  });
}
