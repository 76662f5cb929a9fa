import { AT_FDCWD, ascii, type Bytes, isErrno, readlinkat } from '@emplace/syscalls';
import { emptyDirectory } from '../facts/workbench.ts';
import type { DirHandle, FsPort } from '../fs/port.ts';

/** A directory of the probe's own. It is gone, with what is in it, when it is removed or disposed of. */
export interface PrivateDirectory extends Disposable {
  readonly dir: DirHandle;
  /** Short, and good for this process alone: leads here whatever is renamed above. */
  readonly handlePath: Bytes;
  /** As /proc shows it. @throws SyscallError ENAMETOOLONG */
  path(): Bytes;
  remove(): void;
}

/** @throws SyscallError */
export function makePrivateDirectory(parent: DirHandle, name: Bytes, fs: FsPort): PrivateDirectory {
  fs.mkdir(parent, name, 0o700);
  const dir = fs.openDir(parent, name);
  const handlePath = ascii(`/proc/self/fd/${dir}`);
  let removed = false;
  const remove = (): void => {
    // Reading a directory that is gone gives ENOENT.
    if (removed) return;
    removed = true;
    emptyDirectory(dir, fs);
    try {
      fs.rmdir(parent, name);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  };
  const dispose = (): void => {
    try {
      remove();
    } finally {
      fs.closeDir(dir);
    }
  };
  return { dir, handlePath, path: () => readlinkat(AT_FDCWD, handlePath), remove, [Symbol.dispose]: dispose };
}
