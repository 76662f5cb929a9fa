import type { FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import type { Problem } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, join, splitPath } from '../paths.ts';
import { resolveLink } from '../plan/resolve.ts';

const MISSING = 'missing';

/** A directory of the root, whatever path led there. */
export interface RealDirectory {
  /** Without a symlink in it, below the root. */
  readonly path: Bytes;
  /** Equal for two paths when they lead to one directory: the same device and inode, through a bind mount too. */
  readonly identity: number;
}

/**
 * Where directories of the root really are: symlinks on the way are followed inside the root, as resolveLink does, and
 * each directory is looked at once.
 *
 * Not guaranteed: that it is so a moment later. What was found stays, so this serves one look at the root, not two.
 */
export class RealDirectories {
  readonly #fs: FsPort;
  readonly #root: OpenDirectories;
  readonly #found = new Map<Bytes, RealDirectory | Problem | typeof MISSING>();
  /** By device, then inode. */
  readonly #identities = new Map<number, Map<bigint, number>>();
  #count = 0;

  constructor(fs: FsPort, root: OpenDirectories) {
    this.#fs = fs;
    this.#root = root;
  }

  /** undefined when it is missing, no directory, or not to be reached by this user; a Problem for a symlink that is not followed. */
  of(path: Bytes): RealDirectory | Problem | undefined {
    const known = this.#found.get(path);
    if (known !== undefined) return known === MISSING ? undefined : known;
    // From the top down, and no further than there is something: a list may hold paths of any depth.
    let found = this.#step(HERE, undefined);
    for (let end = 0; path !== HERE && end < path.length && found !== undefined && !('code' in found); ) {
      const slash = path.indexOf('/', end + 1);
      end = slash === -1 ? path.length : slash;
      found = this.#step(path.slice(0, end) as Bytes, found);
    }
    this.#found.set(path, found ?? MISSING);
    return found;
  }

  /** @param above where the directory that `path` is in really is */
  #step(path: Bytes, above: RealDirectory | undefined): RealDirectory | Problem | undefined {
    const known = this.#found.get(path);
    if (known !== undefined) return known === MISSING ? undefined : known;
    const found = this.#look(path, above);
    this.#found.set(path, found ?? MISSING);
    return found;
  }

  #look(path: Bytes, above: RealDirectory | undefined): RealDirectory | Problem | undefined {
    // The root is there, whoever may look at it: taken for missing, all that is in it would be.
    if (above === undefined) return this.#named(HERE, this.#fs.stat(this.#root.at(HERE), HERE));
    try {
      const { parent, name } = splitPath(path);
      const stat = this.#fs.stat(this.#root.at(above.path), name);
      if (stat?.type !== 'symlink') return this.#named(above.path === parent ? path : join(above.path, name), stat);
      const resolved = resolveLink(above.path, name, this.#fs, this.#root);
      return 'code' in resolved ? resolved : this.#named(resolved.path, resolved.stat);
    } catch (error) {
      if (isErrno(error, 'EACCES', 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return undefined;
      throw error;
    }
  }

  #named(path: Bytes, stat: Stat | undefined): RealDirectory | undefined {
    if (stat?.type !== 'directory') return undefined;
    return { path, identity: this.identityOf(stat) };
  }

  /** What {@link RealDirectory.identity} is for a directory that was found by other means. */
  identityOf(stat: Stat): number {
    const inodes = this.#identities.get(stat.dev) ?? new Map<bigint, number>();
    this.#identities.set(stat.dev, inodes);
    const identity = inodes.get(stat.ino) ?? ++this.#count;
    inodes.set(stat.ino, identity);
    return identity;
  }
}
