import type { Bytes } from '@emplace/syscalls';
import { HERE, join, splitPath } from '../paths.ts';
import { isProblem, type RealPaths } from './real-paths.ts';

/** A path of a version that stays. */
export interface StayingPath {
  readonly path: Bytes;
  readonly isDirectory: boolean;
}

/** What the new version, and others that stay in the slot, have in the root: under the paths of their lists and under those that they really are (I.2d). */
export class NewPaths {
  readonly #all = new Set<Bytes>();
  readonly #directories = new Set<Bytes>();

  constructor(paths: Iterable<StayingPath>, real: RealPaths) {
    for (const { path, isDirectory } of paths) {
      const { parent, name } = splitPath(path);
      const directory = real.directory(parent);
      const found =
        directory === undefined || isProblem(directory) || directory === parent
          ? [path]
          : [path, join(directory, name)];
      for (const one of found) this.#add(one, isDirectory);
    }
  }

  /** Its parents are there too, listed or not. */
  #add(path: Bytes, isDirectory: boolean): void {
    this.#all.add(path);
    if (isDirectory) this.#directories.add(path);
    for (
      let { parent } = splitPath(path);
      parent !== HERE && !this.#directories.has(parent);
      { parent } = splitPath(parent)
    ) {
      this.#all.add(parent);
      this.#directories.add(parent);
    }
  }

  has(path: Bytes): boolean {
    return this.#all.has(path);
  }

  hasDirectory(path: Bytes): boolean {
    return this.#directories.has(path);
  }
}
