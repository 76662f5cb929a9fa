import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import type { DirHandle, FsPort, Timestamp } from '../fs/port.ts';
import { restoreTime } from '../fs/restore-time.ts';
import { ignoringGone } from '../ignoring.ts';
import { makePrivateDirectory, type PrivateDirectory } from '../private-directory.ts';
import { emptyBench } from './bench-names.ts';
import { claim } from './stale-bench.ts';

const HERE: Bytes = ascii('');

/** Something that could not be removed, and why. */
export interface Left {
  readonly path: Bytes;
  readonly why: string;
}

/** Told of each of the two directories of which something is left: its side and name, and why. */
export type OnLeft = (side: 'source' | 'target', name: Bytes, why: string) => void;

/**
 * A private directory (0700) in a source and one in a target directory, in which facts are measured. Each is made when
 * it is first needed; both are gone in the end, and the directories that they lay in have their times back. What others
 * put there, or under its name, stays and is told.
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
    onLeft: OnLeft,
  ) {
    this.fs = fs;
    this.parents = { source, target };
    this.#source = new Bench(source, names.source, fs, (name, why) => onLeft('source', name, why));
    this.#target = new Bench(target, names.target, fs, (name, why) => onLeft('target', name, why));
  }

  /** @throws SyscallError when nothing can be made in the source directory, NotOursError when somebody meddled with it. */
  get source(): DirHandle {
    return this.#source.open().dir;
  }

  /** @throws SyscallError when nothing can be made in the target directory, NotOursError when somebody meddled with it. */
  get target(): DirHandle {
    return this.#target.open().dir;
  }

  /** Why no program may be run from one of the two: see PrivateDirectory. @throws as `source` and `target` */
  exposed(side: 'source' | 'target'): string | undefined {
    return (side === 'source' ? this.#source : this.#target).open().exposed;
  }

  /** Whether this is why one of the two could not be made. */
  failed(error: unknown): boolean {
    return this.#source.failure === error || this.#target.failure === error;
  }

  /** Whether somebody has removed one of the two, or put something else in its place. */
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
  readonly #onLeft: (name: Bytes, why: string) => void;
  #made: PrivateDirectory | undefined;
  #before: Timestamp | undefined;
  failure: unknown;

  constructor(parent: DirHandle, name: Bytes, fs: FsPort, onLeft: (name: Bytes, why: string) => void) {
    this.#parent = parent;
    this.#name = name;
    this.#fs = fs;
    this.#onLeft = onLeft;
  }

  open(): PrivateDirectory {
    if (this.#made !== undefined) return this.#made;
    if (this.failure !== undefined) throw this.failure;
    const before = this.#fs.stat(this.#parent, HERE)?.mtime;
    try {
      this.#made = this.#tryMake() ?? makePrivateDirectory(this.#parent, this.#name, this.#fs);
      this.#before = before;
      return this.#made;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  /** undefined when somebody who sweeps took it for stale, in the moment before it was claimed. */
  #tryMake(): PrivateDirectory | undefined {
    let made: PrivateDirectory;
    try {
      made = makePrivateDirectory(this.#parent, this.#name, this.#fs);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
    if (claim(made.dir, this.#fs) || !made.isGone()) return made;
    made.close();
    return undefined;
  }

  get isGone(): boolean {
    return this.#made?.isGone() === true;
  }

  remove(): void {
    const [made, before] = [this.#made, this.#before];
    this.#made = undefined;
    if (made === undefined) return;
    try {
      const left = made.remove((dir) => emptyBench(dir, this.#fs));
      if (left !== undefined) this.#onLeft(this.#name, left);
    } finally {
      made.close();
    }
    if (before !== undefined) ignoringGone(() => restoreTime(this.#parent, before, this.#fs));
  }
}
