import { ascii, type Bytes } from '@emplace/syscalls';
import { refuse } from '../errors.ts';
import { HERE, join, splitPath } from '../paths.ts';
import { isProblem, type RealPaths } from './real-paths.ts';

/** Where the ledger keeps what it keeps, below the root. */
export interface Places {
  /** EPREFIX: what Portage's own paths start with. */
  readonly prefix: Bytes;
  /** The last COUNTER that was given out (G.7). */
  readonly counter: Bytes;
  /** Config memory (F.6). */
  readonly memory: Bytes;
  /** Portage's registry of libraries that packages keep for others (A.14). */
  readonly registry: Bytes;
  /** Protected files as they were shipped when the root's own were last brought up to them, under their paths. */
  readonly pristine: Bytes;
}

const DATABASE = 'var/db/pkg';

/**
 * The same with symlinks on the way followed inside the root: nothing is written through one.
 * @throws MergeError UNSAFE_SYMLINK, SYMLINK_LOOP
 */
export function realPlaces(places: Places, real: RealPaths): Places {
  const { prefix, counter, memory, registry, pristine } = places;
  const realPlace = (path: Bytes): Bytes => placeOf(path, real);
  return {
    prefix,
    counter: realPlace(counter),
    memory: realPlace(memory),
    registry: realPlace(registry),
    pristine: realPlace(pristine),
  };
}

/** Where a name is, or would be made: what is missing on the way is taken as it is written. */
export function placeOf(path: Bytes, real: RealPaths): Bytes {
  const { parent, name } = splitPath(path);
  if (parent === HERE) return path;
  const directory = real.directory(parent);
  if (isProblem(directory)) throw refuse([directory]);
  return join(directory ?? placeOf(parent, real), name);
}

/** @param vdb the package database, which tells the prefix; undefined: there is none */
export function placesOf(vdb: Bytes | undefined): Places {
  const prefix = vdb?.endsWith(`/${DATABASE}`) ? (vdb.slice(0, -DATABASE.length - 1) as Bytes) : HERE;
  const at = (path: string): Bytes => join(prefix, ascii(path));
  return {
    prefix,
    counter: at('var/cache/edb/counter'),
    memory: at('var/lib/portage/config'),
    registry: at('var/lib/portage/preserved_libs_registry'),
    pristine: at('var/lib/emplace/pristine'),
  };
}
