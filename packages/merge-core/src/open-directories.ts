import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { HERE } from './paths.ts';

/** A merge has four trees open at most: few enough for a limit of 80 descriptors. With 40 each, no walk opened fewer directories. */
const OPEN_MAX = 8;

/**
 * Directories below one tree, opened when asked for and kept open for the next call. Each is reached from the
 * tree's own handle without following any symlink, so a name planted on the way is an error, not a detour.
 */
export class OpenDirectories implements Disposable {
  readonly #fs: Pick<FsPort, 'openDir' | 'closeDir'>;
  readonly #top: DirHandle;
  /** In the order of their last use. */
  readonly #open = new Map<Bytes, DirHandle>();
  /** The one that was used last: most often it is the next one too. */
  #latest: Bytes | undefined;

  constructor(fs: Pick<FsPort, 'openDir' | 'closeDir'>, top: DirHandle) {
    this.#fs = fs;
    this.#top = top;
  }

  /** The directory at `path` below the tree. Use it at once: it is closed when so many others were asked for. */
  at(path: Bytes): DirHandle {
    if (path === HERE) return this.#top;
    let dir = this.#open.get(path);
    if (dir === undefined) {
      if (this.#open.size >= OPEN_MAX) this.#closeOldest();
      dir = this.#reopen(path);
    } else {
      if (path === this.#latest) return dir;
      this.#open.delete(path);
    }
    this.#latest = path;
    this.#open.set(path, dir);
    return dir;
  }

  /** Gives descriptors back where the process may have fewer of them than we keep. */
  #reopen(path: Bytes): DirHandle {
    for (;;) {
      try {
        return this.#fs.openDir(this.#top, path);
      } catch (error) {
        if (!isErrno(error, 'EMFILE') || this.#open.size < 4) throw error;
        for (let half = this.#open.size >> 1; half > 0; half--) this.#closeOldest();
      }
    }
  }

  #closeOldest(): void {
    for (const [path, dir] of this.#open) {
      this.#open.delete(path);
      this.#fs.closeDir(dir);
      return;
    }
  }

  /** Closes all but the tree's own handle, which its opener closes. */
  [Symbol.dispose](): void {
    while (this.#open.size > 0) this.#closeOldest();
  }
}
