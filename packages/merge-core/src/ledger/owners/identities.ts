import type { DirHandle, FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import type { OpenDirectories } from '../../open-directories.ts';
import { HERE, join } from '../../paths.ts';
import type { RealDirectories } from '../real-directories.ts';
import { startsOf } from './counting.ts';
import { TOP } from './directories.ts';
import type { Tables } from './tables.ts';

/** The root as a database has it open. */
export interface Root {
  readonly fs: FsPort;
  readonly root: OpenDirectories;
  readonly real: RealDirectories;
}

/** Where nothing is, or no directory. */
export const NOWHERE = 0;
const NOT_ASKED = -1;
/** One directory by its path costs twice as much as one in a walk over all of them. */
const ASKED_ONE_BY_ONE_MAX = 2000;
/** Directories that the walk holds open. */
const DEPTH_MAX = 30;

/** Which directory of the root each directory of the index is, asked when it matters, and once. */
export class Identities {
  readonly #tables: Tables;
  readonly #root: Root;
  /** By directory of the index. */
  readonly #known: Int32Array;
  /** The other way round. */
  readonly #same = new Map<number, number[]>();
  readonly #paths: (Bytes | undefined)[] = [HERE];
  #asked = 0;

  constructor(tables: Tables, root: Root) {
    this.#tables = tables;
    this.#root = root;
    this.#known = new Int32Array(tables.directories.count).fill(NOT_ASKED);
  }

  ofPath(path: Bytes): number {
    const found = this.#root.real.of(path);
    return found === undefined || 'code' in found ? NOWHERE : found.identity;
  }

  /** Those that were asked. */
  directoriesThatAre(identity: number): readonly number[] {
    return this.#same.get(identity) ?? [];
  }

  ask(directories: Iterable<number>): void {
    for (const directory of directories) {
      if (this.#known[directory] !== NOT_ASKED) continue;
      this.#note(directory, this.ofPath(this.#pathOf(directory)));
      if (++this.#asked === ASKED_ONE_BY_ONE_MAX) this.#askAll();
    }
  }

  #note(directory: number, identity: number): void {
    if (this.#known[directory] !== NOT_ASKED) return;
    this.#known[directory] = identity;
    if (identity === NOWHERE) return;
    const same = this.#same.get(identity);
    if (same === undefined) this.#same.set(identity, [directory]);
    else same.push(directory);
  }

  /** Directory after directory, each opened once. What a symlink leads to is left for {@link ask}. */
  #askAll(): void {
    const { fs, root, real } = this.#root;
    const { names, directories } = this.#tables;
    const parents = directories.parents.array;
    const starts = startsOf(parents, directories.count);
    const children = new Uint32Array(parents.length);
    const next = starts.slice();
    for (const [directory, parent] of parents.entries()) {
      const to = next[parent] as number;
      next[parent] = to + 1;
      children[to] = directory;
    }

    const walk = (directory: number, dir: DirHandle, depth: number): void => {
      for (let i = starts[directory] as number; i < (starts[directory + 1] as number); i++) {
        const child = children[i] as number;
        if (child === TOP) continue;
        const name = names.text(directories.names.at(child));
        const stat = tryStat(fs, dir, name);
        if (stat?.type !== 'directory') continue;
        this.#note(child, real.identityOf(stat));
        const isLeaf = starts[child] === starts[child + 1];
        if (!isLeaf && depth < DEPTH_MAX) within(fs, dir, name, (inner) => walk(child, inner, depth + 1));
      }
    };
    walk(TOP, root.at(HERE), 0);
  }

  #pathOf(directory: number): Bytes {
    const known = this.#paths[directory];
    if (known !== undefined) return known;
    const { names, directories } = this.#tables;
    const path = join(this.#pathOf(directories.parents.at(directory)), names.text(directories.names.at(directory)));
    this.#paths[directory] = path;
    return path;
  }
}

/** What cannot be looked at is left for the one that says why. */
function tryStat(fs: FsPort, dir: DirHandle, name: Bytes): Stat | undefined {
  try {
    return fs.stat(dir, name);
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

function within(fs: FsPort, at: DirHandle, name: Bytes, act: (dir: DirHandle) => void): void {
  let dir: DirHandle;
  try {
    dir = fs.openDir(at, name);
  } catch (error) {
    if (isErrno(error)) return;
    throw error;
  }
  try {
    act(dir);
  } finally {
    fs.closeDir(dir);
  }
}
