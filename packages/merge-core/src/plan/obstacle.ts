import type { FsPort } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { ErrorCode } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { join } from '../paths.ts';

/** What keeps a directory of the root from being replaced with all that is in it. */
export interface Obstacle {
  readonly code: ErrorCode;
  readonly path: Bytes;
  readonly what: string;
}

/** The first mount point or immutable entry at or below a directory of the root: neither could be removed afterwards. */
export function findObstacle(root: OpenDirectories, top: Bytes, fs: FsPort): Obstacle | undefined {
  const pending: Bytes[] = [top];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const dir = root.at(path);
    for (const { name } of fs.list(dir)) {
      const stat = fs.stat(dir, name);
      const entry = join(path, name);
      if (stat?.mountRoot === true) return { code: 'MOUNT_POINT', path: entry, what: 'is a mount point (EBUSY)' };
      if (stat?.immutable === true || stat?.appendOnly === true) {
        return { code: 'IMMUTABLE', path: entry, what: 'is immutable or append-only (EPERM)' };
      }
      if (stat?.type === 'directory') pending.push(entry);
    }
  }
  return undefined;
}
