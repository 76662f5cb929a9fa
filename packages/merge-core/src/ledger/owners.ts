/**
 * Which packages own a path: an index of all CONTENTS of a database, kept beside it, `var/db/.pkg.emplace-owners` for
 * `var/db/pkg`. Each time it is opened every CONTENTS is looked at (not read), and those that changed are read
 * again; nothing that is kept is believed without that.
 *
 * Not guaranteed: that a CONTENTS is read again which somebody changed in place and then gave its old time and size.
 */

import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import { type Problem, quoted } from '../errors.ts';
import { join, splitPath } from '../paths.ts';
import { Builder } from './owners/builder.ts';
import { load, save } from './owners/file.ts';
import { Lookup } from './owners/lookup.ts';
import { NONE } from './owners/name-pool.ts';
import { ABSENT, stampOf } from './owners/stamp.ts';
import type { Indexed, Tables } from './owners/tables.ts';
import { type PackageName, showPackage } from './package-name.ts';
import { CONTENTS, type Vdb, type VdbDirectory } from './vdb.ts';

export interface Owners {
  /**
   * The packages that own a path below the root (E.11), sorted by name: it stands in their CONTENTS, or is above one that
   * does. Where there is none, those that list the same name in the same directory (device and inode), reached by another
   * way. None own the top.
   */
  ownersOf(path: Bytes): readonly PackageName[];
}

export interface OwnersIndex extends Owners {
  /**
   * As ownersOf, and also those that know the path by another way when some list it by this one. That can cost a look at
   * every directory of the index, once: so it is for a collision that is found, and for people, not for each path.
   */
  allOwnersOf(path: Bytes): readonly PackageName[];
  /** Lines of CONTENTS that mean nothing: of these packages not all paths are known. */
  readonly problems: readonly Problem[];
  /** How many CONTENTS had to be read, of how many. */
  readonly read: number;
  readonly packages: number;
  /** Paths of all packages, directories that they do not list included. */
  readonly entries: number;
  /** Keeps what was read for the next time. @returns why it could not be kept, which does no harm */
  save(): string | undefined;
}

/** Where the index of a database is kept. */
export function indexFileOf({ path }: Pick<Vdb, 'path'>): Bytes {
  const { parent, name } = splitPath(path);
  return join(parent, ascii(`.${name}.emplace-owners`));
}

/**
 * Reads or makes the index. It writes nothing: that is {@link OwnersIndex.save}.
 * @param vdb stays open as long as the index is asked
 * @param nowSec seconds since 1970
 * @throws MergeError VDB_DAMAGED when a CONTENTS cannot be read
 */
export function openOwners(vdb: Vdb, nowSec: number = Date.now() / 1000): OwnersIndex {
  const { parent, name: file } = splitPath(indexFileOf(vdb));
  const directory = vdb.real.of(parent);
  const place = directory === undefined || 'code' in directory ? undefined : directory.path;
  const kept = place === undefined ? undefined : load(vdb.root.at(place), file, vdb.fs);
  const { tables, problems, read } = refresh(vdb, kept, nowSec);
  const lookup = new Lookup(tables, vdb);
  return {
    ownersOf: (path) => lookup.ownersOf(path, false),
    allOwnersOf: (path) => lookup.ownersOf(path, true),
    problems,
    read,
    packages: tables.packages.length,
    entries: tables.entryDirectory.length,
    save() {
      if (place === undefined || tables === kept) return undefined;
      try {
        save(tables, vdb.root.at(place), file, vdb.fs);
        return undefined;
      } catch (error) {
        if (isErrno(error)) return `${quoted(join(place, file))} cannot be written: ${error.message}`;
        throw error;
      }
    },
  };
}

interface Refreshed {
  readonly tables: Tables;
  readonly problems: readonly Problem[];
  readonly read: number;
}

/** The tables as the database is now: what was kept where it is still so. */
function refresh(vdb: Vdb, kept: Tables | undefined, nowSec: number): Refreshed {
  const problems: Problem[] = [];
  const now = vdb.directories().map((one) => ({ one, stamp: currentStamp(vdb, one, nowSec) }));
  const numberBefore = new Map(kept?.packages.map(({ name, stamp }, i) => [`${showPackage(name)} ${stamp}`, i]));
  const before = now.map(({ one, stamp }) =>
    stamp === '' ? undefined : numberBefore.get(`${showPackage(one.name)} ${stamp}`),
  );
  const unknown = before.filter((number) => number === undefined).length;
  if (kept !== undefined && unknown === 0 && kept.packages.length === now.length)
    return { tables: kept, problems, read: 0 };

  const builder = new Builder();
  if (kept !== undefined) {
    const renumbered = new Int32Array(kept.packages.length).fill(NONE);
    for (const [number, old] of before.entries()) if (old !== undefined) renumbered[old] = number;
    builder.copy(kept, renumbered);
  }
  const packages: Indexed[] = [];
  for (const [number, { one, stamp }] of now.entries()) {
    const whole = before[number] !== undefined || readInto(builder, number, vdb, one, stamp, problems);
    // What is told of a torn CONTENTS has to be told the next time too, so it is read again.
    packages.push({ name: one.name, stamp: whole ? stamp : '' });
  }
  return { tables: builder.finish(packages), problems, read: unknown };
}

function currentStamp(vdb: Vdb, { directory }: VdbDirectory, nowSec: number): string {
  try {
    return stampOf(vdb.fs.stat(vdb.root.at(directory), CONTENTS), nowSec);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return ABSENT;
    // Reading it says why.
    if (isErrno(error)) return '';
    throw error;
  }
}

/** @returns whether all of it could be understood */
function readInto(
  builder: Builder,
  number: number,
  vdb: Vdb,
  one: VdbDirectory,
  stamp: string,
  problems: Problem[],
): boolean {
  if (stamp === ABSENT) return true;
  const contents = vdb.contents(one);
  for (const { type, path } of contents.entries) builder.add(number, path, type === 'dir');
  const at = join(one.directory, CONTENTS);
  for (const { line, why } of contents.problems)
    problems.push({ code: 'CONTENTS_DAMAGED', path: at, message: `${quoted(at)}, line ${line}: ${why}` });
  return contents.problems.length === 0;
}
