import type { FsPort } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { MergeError, quoted, refuse } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { join } from '../paths.ts';
import { type ContentsEntry, parseContents } from './contents.ts';
import { type PackageName, parsePackageName, showPackage } from './package-name.ts';
import { readBelow } from './read-below.ts';
import { wholeContents } from './unmerge-rules.ts';
import { CONTENTS, type Vdb, type VdbEntry } from './vdb.ts';

/** A version that gives way to another, or just goes. */
export interface GoingVersion {
  /** undefined for one that only a list of paths tells of. */
  readonly entry?: VdbEntry;
  readonly entries: readonly ContentsEntry[];
}

/**
 * The versions that go, by COUNTER: those named by the caller, and of a package that is merged what is installed in its slot
 * or under its own name.
 * @param slot of what is merged; undefined when the package itself goes
 * @throws MergeError NOT_INSTALLED, VDB_DAMAGED, CONTENTS_DAMAGED
 */
export function installedVersions(
  vdb: Vdb,
  name: PackageName,
  slot: string | undefined,
  replace: readonly string[],
): GoingVersion[] {
  const found = new Map<Bytes, VdbEntry>();
  const add = (entry: VdbEntry): void => void found.set(entry.directory, entry);
  const own = vdb.entry(name);
  if (own !== undefined) add(own);
  else if (slot === undefined) throw notInstalled(name);
  for (const each of replace.map(parsePackageName)) {
    const entry = vdb.entry(each);
    if (entry === undefined) throw notInstalled(each);
    add(entry);
  }
  if (slot !== undefined) vdb.inSlot(name.category, name.pn, slot.split('/')[0] ?? slot).forEach(add);
  return [...found.values()]
    .sort((a, b) => (a.counter ?? -1) - (b.counter ?? -1))
    .map((entry) => ({ entry, entries: wholeContents(vdb.contents(entry), join(entry.directory, CONTENTS)) }));
}

/** What else is installed in the slots of the versions that go, and stays: what it lists is not removed (I.2d). */
export function stayingBeside(vdb: Vdb, going: readonly GoingVersion[]): ContentsEntry[] {
  const gone = new Set(going.map(({ entry }) => entry?.directory));
  const staying = new Map<Bytes, VdbEntry>();
  for (const { entry } of going) {
    if (entry === undefined) continue;
    for (const other of vdb.inSlot(entry.name.category, entry.name.pn, entry.slot))
      if (!gone.has(other.directory)) staying.set(other.directory, other);
  }
  return [...staying.values()].flatMap((entry) => wholeContents(vdb.contents(entry), join(entry.directory, CONTENTS)));
}

/**
 * What a list of a package manager's own says was merged before; none when there is no such file yet.
 * @param isNeeded what it lists goes, and nothing else happens
 * @throws MergeError BAD_OPTION, CONTENTS_DAMAGED, VDB_DAMAGED
 */
export function listedVersion(path: Bytes, isNeeded: boolean, root: OpenDirectories, fs: FsPort): GoingVersion[] {
  const content = readBelow(fs, root, path, Number.POSITIVE_INFINITY);
  if (content === undefined && isNeeded)
    throw new MergeError('BAD_OPTION', `the list of paths ${quoted(path)} is not in the root`);
  if (content === undefined) return [];
  if ('code' in content) throw refuse([content]);
  return [{ entries: wholeContents(parseContents(content), path) }];
}

function notInstalled(name: PackageName): MergeError {
  return new MergeError('NOT_INSTALLED', `${showPackage(name)} is not in the package database`);
}
