import { type Bytes, isErrno } from '@emplace/syscalls';
import type { DirHandle, FileHandle, FsPort } from '../fs/port.ts';
import { NotOursError, openPrivateDirectory, type PrivateDirectory } from '../private-directory.ts';
import { emptyBench, isBenchName } from './bench-names.ts';

/**
 * Removes a workbench that a killed process left: a directory of ours with nothing in it but what questions make. One
 * other name in it, and nothing of it is touched: it may be somebody's that was moved there.
 * @returns why something stays under the name; undefined when nothing is there any more
 */
export function removeStaleBench(parent: DirHandle, name: Bytes, fs: FsPort): string | undefined {
  return whenOurs(parent, name, fs, (found) => {
    const known = fs.list(found.dir).every((entry) => isBenchName(entry.name));
    return known ? found.remove((dir) => emptyBench(dir, fs)) : 'holds what no measurement makes';
  });
}

/** Hands a directory that {@link makePrivateDirectory} may have made to `act`; otherwise the reason not to. */
export function whenOurs(
  parent: DirHandle,
  name: Bytes,
  fs: FsPort,
  act: (found: PrivateDirectory) => string | undefined,
): string | undefined {
  let found: PrivateDirectory;
  try {
    found = openPrivateDirectory(parent, name, fs);
  } catch (error) {
    if (error instanceof NotOursError) return `is not what was made there: ${error.message}`;
    if (isErrno(error, 'ENOENT')) return undefined;
    if (isErrno(error)) return `cannot be opened (${error.code})`;
    throw error;
  }
  try {
    return act(found);
  } finally {
    found.close();
  }
}

/** Has everybody see that a process works in a directory: the lock ends with the process, however that ends. @returns false when somebody has it */
export function claim(dir: DirHandle, fs: FsPort): boolean {
  try {
    return fs.tryFlock(dir as number as FileHandle);
  } catch (error) {
    // NFS locks no directory: what lies there is never taken for stale.
    if (isErrno(error)) return false;
    throw error;
  }
}
