import type { FsPort, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { OpenDirectories } from '../open-directories.ts';
import { join } from '../paths.ts';
import type { ContentsEntry } from './contents.ts';
import { type RealPaths, realPathOf } from './real-paths.ts';

/** What one installed version lists. */
export interface InstalledVersion {
  readonly entries: readonly ContentsEntry[];
}

/** What belongs to the versions that give way, found by where it really lies in the root (E.11). */
export class Installed {
  readonly #byTarget = new Map<Bytes, ContentsEntry>();
  readonly #root: OpenDirectories;
  readonly #fs: FsPort;

  /** @param versions the latest last: it is the one that protected files are compared with */
  constructor(versions: readonly InstalledVersion[], real: RealPaths, root: OpenDirectories, fs: FsPort) {
    this.#root = root;
    this.#fs = fs;
    for (const { entries } of versions) {
      for (const entry of entries) {
        this.#byTarget.set(realPathOf(entry.path, real), entry);
      }
    }
  }

  /** What one of them says of an entry of the root, by its real path. */
  entry(target: Bytes): ContentsEntry | undefined {
    return this.#byTarget.get(target);
  }

  /**
   * Whether all that a directory holds, but for directories, is theirs, and nobody wants to keep it: then it can go as a whole.
   * @param mayGo asked of each entry that is theirs
   */
  ownsAllIn(target: Bytes, mayGo: (target: Bytes, stat: Stat, entry: ContentsEntry) => boolean): boolean {
    const pending = [target];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const dir = this.#root.at(path);
      for (const { name } of this.#fs.list(dir)) {
        const below = join(path, name);
        const stat = this.#fs.stat(dir, name);
        const entry = this.#byTarget.get(below);
        if (stat?.type === 'directory') pending.push(below);
        else if (stat !== undefined && (entry === undefined || !mayGo(below, stat, entry))) return false;
      }
    }
    return true;
  }

  /** Real paths of all that they list. */
  get targets(): Iterable<Bytes> {
    return this.#byTarget.keys();
  }
}
