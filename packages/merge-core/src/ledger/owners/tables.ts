import type { PackageName } from '../package-name.ts';
import { type Directories, TOP } from './directories.ts';
import { type NamePool, NONE } from './name-pool.ts';

/** A package whose paths are in the index. */
export interface Indexed {
  readonly name: PackageName;
  /** What its CONTENTS was when it was read (stamp.ts); `''` when it has to be read again whatever it is now. */
  readonly stamp: string;
}

/**
 * Who owns what: for each name, sorted by its number, the directories that have it and the package that put it there.
 * So both questions are one look at a short range: who owns `DIRECTORY/NAME`, and where else is `NAME`.
 */
export interface Tables {
  /** By number. */
  readonly packages: readonly Indexed[];
  readonly names: NamePool;
  readonly directories: Directories;
  /** Where the entries of each name start; one more at the end. */
  readonly starts: Uint32Array;
  /** Of each entry the directory it is in, and the package. Within a name in the order of directory, then package. */
  readonly entryDirectory: Uint32Array;
  readonly entryPackage: Uint32Array;
}

/** Where the entries of a name in a directory start: the first that is in it or in a later one. */
export function firstOf({ starts, entryDirectory }: Tables, name: number, directory: number): number {
  let [low, high] = [starts[name] as number, starts[name + 1] as number];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entryDirectory[middle] as number) < directory) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Number of the directory whose path stands in `path` up to `end`; NONE when nothing is known below it. */
export function findDirectory({ names, directories }: Tables, path: Uint8Array, end: number): number {
  let directory = TOP;
  for (let start = 0; start < end && directory !== NONE; ) {
    let slash = start;
    while (slash < end && path[slash] !== 0x2f) slash++;
    const name = names.find(path, start, slash);
    directory = name === NONE ? NONE : directories.find(directory, name);
    start = slash + 1;
  }
  return directory;
}
