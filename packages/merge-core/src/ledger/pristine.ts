import type { Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { HERE, join, splitPath } from '../paths.ts';
import type { Additions } from '../plan/additions.ts';
import { readBelow } from './read-below.ts';
import type { LedgerFacts } from './read-ledger.ts';
import type { Verdict } from './unmerge-model.ts';

/** What is longer is nothing that a person merges by hand. */
export const PRISTINE_BYTES_MAX: number = 4 * 1024 * 1024;

/**
 * Keeps protected files as they were shipped when the root's own was last brought up to them: a later update is
 * then merged three ways. Of an update that is only offered nothing is kept before somebody accepts it.
 *
 * @param taken content of what is the root's own from now on, by path of the image
 */
export function planPristine(
  { places, root, fs }: LedgerFacts,
  taken: ReadonlyMap<Bytes, Buffer>,
  verdicts: readonly Verdict[],
  additions: Additions,
): void {
  for (const [path, content] of taken) {
    const inTheWay = obstacle(path);
    // What is kept there is of another time, when the path was of another type. The next update has its copy again.
    if (inTheWay !== undefined) additions.remove(inTheWay);
    else if (pristineOf(path)?.equals(content) !== true)
      additions.record({ path: placeOf(path), mode: 0o600, content: () => content });
  }
  const directories = new Map<Bytes, boolean>();
  const gone = verdicts.filter(
    ({ path, verdict }) => verdict === 'remove' && hasDirectory(splitPath(path).parent) && isKept(path),
  );
  const emptied = new Set<Bytes>();
  for (const { path } of gone)
    for (
      let { parent } = splitPath(placeOf(path));
      parent.length > places.pristine.length;
      { parent } = splitPath(parent)
    )
      emptied.add(parent);
  additions.drop(emptied);
  for (const { path } of gone) additions.remove(placeOf(path));

  function placeOf(path: Bytes): Bytes {
    return join(places.pristine, path);
  }

  /** Asked once for each: of most that is removed nothing was ever kept, nor of anything beside it. */
  function hasDirectory(path: Bytes): boolean {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const { parent, name } = splitPath(path === HERE ? places.pristine : placeOf(path));
    const has = (path === HERE || hasDirectory(splitPath(path).parent)) && statIn(parent, name)?.type === 'directory';
    directories.set(path, has);
    return has;
  }

  /** A directory in the place of the copy, or something else in the place of a directory above it. */
  function obstacle(path: Bytes): Bytes | undefined {
    const place = placeOf(path);
    for (let end = places.pristine.length; end !== -1; ) {
      end = place.indexOf('/', end + 1);
      const at = (end === -1 ? place : place.slice(0, end)) as Bytes;
      const { parent, name } = splitPath(at);
      const stat = statIn(parent, name);
      if (stat === undefined) return undefined;
      if ((stat.type === 'directory') === (end === -1)) return at;
    }
    return undefined;
  }

  function statIn(directory: Bytes, name: Bytes): Stat | undefined {
    try {
      return fs.stat(root.at(directory), name);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
      throw error;
    }
  }

  /** Not whether it can be read: what nobody will need goes all the same. */
  function isKept(path: Bytes): boolean {
    const { parent, name } = splitPath(placeOf(path));
    try {
      return statIn(parent, name)?.type === 'file';
    } catch (error) {
      if (isErrno(error, 'ENOTDIR', 'ELOOP')) return false;
      throw error;
    }
  }

  function pristineOf(path: Bytes): Buffer | undefined {
    const content = readBelow(fs, root, placeOf(path), PRISTINE_BYTES_MAX);
    return content === undefined || 'code' in content ? undefined : content;
  }
}
