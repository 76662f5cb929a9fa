import { posix } from 'node:path';
import type { Bytes } from '@emplace/syscalls';
import { toBytes } from '@emplace/syscalls';
import type { Problem } from '../errors.ts';
import { absolute } from '../options.ts';
import { type DatabaseOptions, openAskedDatabase } from './asked-database.ts';
import { openOwners } from './owners.ts';
import { showPackage } from './package-name.ts';
import { below, type PathText } from './package-request.ts';

export interface OwnersOptions extends DatabaseOptions {
  /**
   * An absolute path is one as seen from the root, as CONTENTS has it: `/usr/bin/x` with the root `/mnt` is
   * `/mnt/usr/bin/x`. A relative one starts at the current directory, which lies in the root.
   */
  readonly paths: readonly PathText[];
}

/** Who owns one path. */
export interface OwnedPath {
  /** Below the root. */
  readonly path: Bytes;
  /** `CATEGORY/PF` of each, sorted. None: nobody lists it, nor anything below it. */
  readonly owners: readonly string[];
}

export interface OwnersReport {
  /** In the order of the question. */
  readonly paths: readonly OwnedPath[];
  /** Lines of CONTENTS that mean nothing: of these packages not all paths are known. */
  readonly problems: readonly Problem[];
}

/**
 * Which packages own paths of a root. What was read of the database is kept beside it for the next time, where that can be written.
 * @throws MergeError BAD_OPTION, ROOT_MISSING, ROOT_UNUSABLE, VDB_DAMAGED
 */
export function owners(options: OwnersOptions): OwnersReport {
  using database = openAskedDatabase(options);
  const asked = options.paths.map((path) => pathInRoot(path, database.root));
  const index = openOwners(database.vdb);
  const paths = asked.map((path) => ({ path, owners: index.ownersOf(path).map(showPackage) }));
  index.save();
  return { paths, problems: index.problems };
}

/** @throws MergeError BAD_OPTION */
function pathInRoot(path: PathText, root: Bytes): Bytes {
  // An empty one is refused here.
  const whole = absolute(path, 'path');
  if (!toBytes(path).startsWith('/')) return below(root, whole, 'path');
  // Of `..` at the top nothing is left, as in a root that one cannot leave.
  return posix.normalize(whole).replace(/^\/+|\/+$/g, '') as Bytes;
}
