import type { Bytes } from '@emplace/syscalls';
import { HERE, splitPath } from '../../paths.ts';
import type { PackageName } from '../package-name.ts';
import { Identities, NOWHERE, type Root } from './identities.ts';
import { NONE } from './name-pool.ts';
import { findDirectory, firstOf, type Tables } from './tables.ts';

/**
 * Finds owners by path, and by directory: `lib64/x` of one package is `usr/lib64/x` of another where one of both
 * directories is a symlink. Which directories are the same is asked of the root, and only of those that have
 * an entry of the name in question; each is asked once, however many files are called `__init__.py`.
 */
export class Lookup {
  readonly #tables: Tables;
  readonly #identities: Identities;
  /** Names all of whose directories were asked. */
  readonly #asked: Uint8Array;
  #scratch: Buffer = Buffer.alloc(4096);

  constructor(tables: Tables, root: Root) {
    this.#tables = tables;
    this.#identities = new Identities(tables, root);
    this.#asked = new Uint8Array(tables.names.count);
  }

  /** @param all those too that know it by another way, though some list it by this one */
  ownersOf(path: Bytes, all: boolean): readonly PackageName[] {
    if (path === HERE) return [];
    if (path.length > this.#scratch.length) this.#scratch = Buffer.alloc(path.length * 2);
    const end = this.#scratch.latin1Write(path, 0);
    const slash = path.lastIndexOf('/');
    const name = this.#tables.names.find(this.#scratch, slash + 1, end);
    if (name === NONE) return [];
    const directory = findDirectory(this.#tables, this.#scratch, Math.max(slash, 0));
    const found: number[] = [];
    if (directory !== NONE) this.#collect(name, directory, found);
    if ((all || found.length === 0) && !this.#isOnlyIn(name, directory)) {
      for (const same of this.#sameAs(path, name)) if (same !== directory) this.#collect(name, same, found);
      found.sort((a, b) => a - b);
    }
    return found.filter((one, i) => one !== found[i - 1]).map((one) => this.#tables.packages[one]?.name as PackageName);
  }

  /** Packages of one entry are in ascending order. */
  #collect(name: number, directory: number, found: number[]): void {
    const { starts, entryDirectory, entryPackage } = this.#tables;
    const end = starts[name + 1] as number;
    for (
      let entry = firstOf(this.#tables, name, directory);
      entry < end && entryDirectory[entry] === directory;
      entry++
    )
      found.push(entryPackage[entry] as number);
  }

  /** Entries are sorted by directory: the first and the last tell of all. */
  #isOnlyIn(name: number, directory: number): boolean {
    const { starts, entryDirectory } = this.#tables;
    const [first, end] = [starts[name] as number, starts[name + 1] as number];
    return entryDirectory[first] === directory && entryDirectory[end - 1] === directory;
  }

  /** Directories of the index that are the one that the path is in, among them all that have the name. */
  #sameAs(path: Bytes, name: number): readonly number[] {
    const here = this.#identities.ofPath(splitPath(path).parent);
    if (here === NOWHERE) return [];
    if (this.#asked[name] === 0) {
      const { starts, entryDirectory } = this.#tables;
      this.#identities.ask(entryDirectory.subarray(starts[name], starts[name + 1]));
      this.#asked[name] = 1;
    }
    return this.#identities.directoriesThatAre(here);
  }
}
