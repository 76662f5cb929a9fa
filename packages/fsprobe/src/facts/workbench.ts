import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import type { DirHandle, FsPort, Named, Timestamp } from '../fs/port.ts';
import { restoreTime } from '../fs/restore-time.ts';

const HERE: Bytes = ascii('');

/**
 * A private directory (0700) in a source and one in a target directory, in which facts are measured. Each is made when
 * it is first needed; both are gone in the end, and the directories that they lay in have their times back.
 *
 * Not guaranteed: that nothing is left when the process is killed. Who calls names the directories, so who calls can find them.
 */
export class Workbench implements Disposable {
  readonly fs: FsPort;
  /** The source and the target directory themselves. */
  readonly parents: { readonly source: DirHandle; readonly target: DirHandle };
  readonly #source: Bench;
  readonly #target: Bench;

  /** `names` must be free; two different ones, for source and target may be one directory. */
  constructor(
    source: DirHandle,
    target: DirHandle,
    names: { readonly source: Bytes; readonly target: Bytes },
    fs: FsPort,
  ) {
    this.fs = fs;
    this.parents = { source, target };
    this.#source = new Bench(source, names.source, fs);
    this.#target = new Bench(target, names.target, fs);
  }

  /** @throws SyscallError when nothing can be made in the source directory. */
  get source(): DirHandle {
    return this.#source.open();
  }

  /** @throws SyscallError when nothing can be made in the target directory. */
  get target(): DirHandle {
    return this.#target.open();
  }

  /** Whether this is why one of the two could not be made. */
  failed(error: unknown): boolean {
    return this.#source.failure === error || this.#target.failure === error;
  }

  /** Whether somebody has removed one of the two. */
  get isGone(): boolean {
    return this.#source.isGone || this.#target.isGone;
  }

  [Symbol.dispose](): void {
    try {
      this.#source.remove();
    } finally {
      this.#target.remove();
    }
  }
}

/** One of the two directories. */
class Bench {
  readonly #parent: DirHandle;
  readonly #name: Bytes;
  readonly #fs: FsPort;
  #dir: DirHandle | undefined;
  #before: Timestamp | undefined;
  failure: unknown;

  constructor(parent: DirHandle, name: Bytes, fs: FsPort) {
    this.#parent = parent;
    this.#name = name;
    this.#fs = fs;
  }

  open(): DirHandle {
    if (this.#dir !== undefined) return this.#dir;
    if (this.failure !== undefined) throw this.failure;
    try {
      const before = this.#fs.stat(this.#parent, HERE)?.mtime;
      this.#fs.mkdir(this.#parent, this.#name, 0o700);
      this.#before = before;
      this.#dir = this.#fs.openDir(this.#parent, this.#name);
      return this.#dir;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  get isGone(): boolean {
    return this.#dir !== undefined && this.#fs.stat(this.#parent, this.#name) === undefined;
  }

  remove(): void {
    if (this.#before === undefined) return;
    const before = this.#before;
    this.#before = undefined;
    if (this.#dir !== undefined) {
      try {
        emptyDirectory(this.#dir, this.#fs);
      } finally {
        this.#fs.closeDir(this.#dir);
        this.#dir = undefined;
      }
    }
    ignoringGone(() => this.#fs.rmdir(this.#parent, this.#name));
    ignoringGone(() => restoreTime(this.#parent, before, this.#fs));
  }
}

/** Removes what facts leave: files, links, nodes, and directories that are empty but for the like. */
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

/** Somebody may have moved or removed what we made: then it is not ours to care for. */
function ignoringGone(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
