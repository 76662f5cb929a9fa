import { AT_FDCWD, ascii, type Bytes, readlinkat } from '@emplace/syscalls';
import type { DirHandle, FsPort, Named } from '../fs/port.ts';
import { ignoringGone } from '../ignoring.ts';
import { makePrivateDirectory } from '../private-directory.ts';

/** The root or the image of one way, in a private directory of the probe. It is gone, with what is in it, when it is removed or disposed of. */
export interface PrivateTree extends Disposable {
  readonly dir: DirHandle;
  /** Short, and good for this process alone: leads here whatever is renamed above. */
  readonly handlePath: Bytes;
  /** As /proc shows it. @throws SyscallError ENAMETOOLONG */
  path(): Bytes;
  remove(): void;
}

/** @throws SyscallError, NotOursError */
export function makePrivateTree(parent: DirHandle, name: Bytes, fs: FsPort): PrivateTree {
  const made = makePrivateDirectory(parent, name, fs);
  const handlePath = ascii(`/proc/self/fd/${made.dir}`);
  let removed = false;
  const remove = (): void => {
    // Reading a directory that is gone gives ENOENT.
    if (removed) return;
    removed = true;
    made.remove((dir) => emptyDirectory(dir, fs));
  };
  const dispose = (): void => {
    try {
      remove();
    } finally {
      made.close();
    }
  };
  return { dir: made.dir, handlePath, path: () => readlinkat(AT_FDCWD, handlePath), remove, [Symbol.dispose]: dispose };
}

/**
 * Removes all that is in a directory: a way leaves what it likes. Only for one that nobody else could reach into: all
 * below is looked up from its handle.
 */
export function emptyDirectory(dir: DirHandle, fs: FsPort): void {
  let names: readonly Named[] = [];
  // A directory that was removed itself is not listed as empty: it answers ENOENT.
  ignoringGone(() => {
    names = fs.list(dir);
  });
  for (const { name } of names) ignoringGone(() => removeEntry(dir, name, fs));
}

function removeEntry(dir: DirHandle, name: Bytes, fs: FsPort): void {
  if (fs.stat(dir, name)?.type !== 'directory') {
    fs.unlink(dir, name);
    return;
  }
  const below = fs.openDir(dir, name);
  try {
    emptyDirectory(below, fs);
  } finally {
    fs.closeDir(below);
  }
  fs.rmdir(dir, name);
}
