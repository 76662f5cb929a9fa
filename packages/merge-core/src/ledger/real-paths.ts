import type { FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import type { Problem } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, join, splitPath } from '../paths.ts';
import { LINKS_MAX, linksLoop, othersMove, unsafeLink } from '../plan/resolve.ts';

/** Where a path really is. */
export interface Place {
  /** A real directory below the root: no component is a symlink. */
  readonly directory: Bytes;
  readonly name: Bytes;
  /** Both joined. */
  readonly path: Bytes;
}

/**
 * Finds what a package's list of paths calls `lib/libx.so` where `lib` is a symlink by now. Symlinks are followed as if the root
 * were `/`: absolute ones start there and `..` never leaves it. Answers about directories are kept: for one look
 * at a tree that nobody changes meanwhile.
 *
 * What is found here may be removed. So this is stricter than plan/resolve.ts: link and directory belong to root, this
 * user or the owner of the root directory, and nobody else can move the link. The user of a service could
 * otherwise put a symlink to `/etc` in place of a subdirectory of his, and have files of the same names removed there.
 */
export class RealPaths {
  readonly #fs: Pick<FsPort, 'stat' | 'readlink' | 'uid'>;
  readonly #root: OpenDirectories;
  #owner: number | undefined;
  /** By path as asked for. */
  readonly #directories = new Map<Bytes, Bytes | Problem | undefined>();

  constructor(fs: Pick<FsPort, 'stat' | 'readlink' | 'uid'>, root: OpenDirectories) {
    this.#fs = fs;
    this.#root = root;
  }

  /**
   * undefined where a directory on the way is missing, or none; the entry itself need not be there.
   * @param path below the root, clean, not `''`
   */
  place(path: Bytes): Place | Problem | undefined {
    const { parent, name } = splitPath(path);
    const directory = this.directory(parent);
    if (typeof directory !== 'string') return directory;
    return { directory, name, path: directory === parent ? path : join(directory, name) };
  }

  /** The real directory that `path` leads to; undefined when there is none. */
  directory(path: Bytes): Bytes | Problem | undefined {
    if (path === HERE) return HERE;
    if (this.#directories.has(path)) return this.#directories.get(path);
    let real: Bytes | Problem | undefined = HERE;
    for (let start = 0; start <= path.length && typeof real === 'string'; ) {
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      real = this.#step(path.slice(0, end) as Bytes, real, path.slice(start, end) as Bytes);
      start = end + 1;
    }
    this.#directories.set(path, real);
    return real;
  }

  #step(prefix: Bytes, directory: Bytes, name: Bytes): Bytes | Problem | undefined {
    if (this.#directories.has(prefix)) return this.#directories.get(prefix);
    const stat = this.stat({ directory, name });
    const path = join(directory, name);
    let real: Bytes | Problem | undefined;
    if (stat?.type === 'directory') real = path === prefix ? prefix : path;
    else if (stat?.type === 'symlink') real = this.follow({ directory, name, path });
    this.#directories.set(prefix, real);
    return real;
  }

  /** lstat. */
  stat({ directory, name }: Pick<Place, 'directory' | 'name'>): Stat | undefined {
    try {
      return this.#fs.stat(this.#root.at(directory), name);
    } catch (error) {
      // A directory that was there a moment ago, or a name that no file system holds.
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return undefined;
      throw error;
    }
  }

  /** The real directory that the symlink at a place leads to; undefined when it leads to none. */
  follow(link: Place): Bytes | Problem | undefined {
    let current = link.directory;
    const todo: Bytes[] = [link.name];
    for (let links = 0; ; ) {
      const next = todo.pop();
      if (next === undefined) return current;
      if (next === '' || next === '.') continue;
      if (next === '..') {
        current = splitPath(current).parent;
        continue;
      }
      const stat = this.stat({ directory: current, name: next });
      const path = join(current, next);
      if (stat?.type === 'directory') {
        current = path;
      } else if (stat?.type === 'symlink') {
        if (!this.#isTrusted(stat, current)) return unsafeLink(path);
        if (++links > LINKS_MAX) return linksLoop(link.path);
        const dir = this.#root.at(current);
        const target = this.#fs.readlink(dir, next);
        if (target.startsWith('/')) current = HERE;
        todo.push(...(target.split('/') as Bytes[]).reverse());
      } else {
        return undefined;
      }
    }
  }

  #isTrusted(link: Stat, directory: Bytes): boolean {
    const parent = this.#fs.stat(this.#root.at(directory), HERE);
    if (parent === undefined || !this.#isOurs(link.uid) || !this.#isOurs(parent.uid)) return false;
    return !othersMove(parent, this.#fs.uid);
  }

  /** Whoever owns the root directory can put anything anywhere in it. */
  #isOurs(uid: number): boolean {
    this.#owner ??= this.#fs.stat(this.#root.at(HERE), HERE)?.uid ?? 0;
    return uid === 0 || uid === this.#fs.uid || uid === this.#owner;
  }
}

/** Where an entry really is; the path itself where that cannot be told. */
export function realPathOf(path: Bytes, real: RealPaths): Bytes {
  const place = real.place(path);
  return place === undefined || isProblem(place) ? path : place.path;
}

/** Whether an answer of {@link RealPaths} is that a symlink must not be followed. */
export function isProblem(answer: unknown): answer is Problem {
  return typeof answer === 'object' && answer !== null && 'code' in answer;
}
