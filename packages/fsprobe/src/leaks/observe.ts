import type { Bytes } from '@emplace/syscalls';
import { asMapsShows, isAmbiguous, type Mapping, readMappings } from '../processes/mappings.ts';
import { type ProcessDirectory, readDescriptors, readExe } from '../processes/process.ts';
import { type Identity, isUnread, type Link, sameFile, type Unread } from '../processes/read.ts';
import { DATA_FD } from './program.ts';
import type { Spot, Subject, Unmeasured, Where } from './report.ts';

/** A file of the target, before it is replaced. */
export interface Old {
  readonly subject: Subject;
  /** As the kernel renders it. */
  readonly path: Bytes;
  readonly file: Identity;
}

/** A path that is shown for an old file. */
export interface Shown extends Spot {
  readonly shown: Bytes;
  /** The old file's path, as that place would show it. */
  readonly expected: Bytes;
}

export interface View {
  readonly shown: readonly Shown[];
  readonly unmeasured: readonly Unmeasured[];
}

/** Which mapped ranges are of which old file. They stay the same while the process waits. */
export type Ranges = ReadonlyMap<string, { readonly old: Old; readonly inode: string }>;

/** By what they are; only where map_files may not be read, by the path that maps shows. */
export function findRanges(process: ProcessDirectory, olds: readonly Old[]): Ranges {
  const mappings = readMappings(process);
  const ranges = new Map<string, { old: Old; inode: string }>();
  for (const mapping of isUnread(mappings) ? [] : mappings) {
    const old = olds.find((one) => isOf(mapping, one));
    if (old !== undefined) ranges.set(mapping.range, { old, inode: mapping.inode });
  }
  return ranges;
}

function isOf({ link, text }: Mapping, { file, path }: Old): boolean {
  return isUnread(link.file) ? text === asMapsShows(path) : sameFile(link.file, file);
}

/** All paths that /proc shows for the old files now, and what it does not tell. */
export function observe(process: ProcessDirectory, olds: readonly Old[], ranges: Ranges): View {
  const shown: Shown[] = [];
  const unmeasured: Unmeasured[] = [];
  const note = ({ subject, path }: Old, where: Where, found: Bytes | Unread, expected = path): void => {
    if (isUnread(found)) unmeasured.push({ subject, where, code: found.unread });
    else shown.push({ subject, where, shown: found, expected });
  };
  for (const old of olds) {
    if (old.subject === 'program') note(old, 'exe', pathOf(readExe(process), old.file));
    if (old.subject === 'data') note(old, 'fd', descriptorPath(process, old.file));
    else for (const path of mappedPaths(process, old, ranges)) note(old, path.where, path.found, path.expected);
  }
  return { shown, unmeasured };
}

/** What a link shows, if it still leads to the old file. */
function pathOf({ shown, file }: Link, old: Identity): Bytes | Unread {
  if (isUnread(file)) return file;
  return sameFile(file, old) ? shown : { unread: 'ESTALE' };
}

function descriptorPath(process: ProcessDirectory, old: Identity): Bytes | Unread {
  const descriptors = readDescriptors(process);
  if (isUnread(descriptors)) return descriptors;
  const link = descriptors.get(DATA_FD);
  return link === undefined ? { unread: 'EBADF' } : pathOf(link, old);
}

interface MappedPath {
  readonly where: 'maps' | 'map_files';
  readonly found: Bytes | Unread;
  readonly expected: Bytes;
}

/** Each range in both places. */
function mappedPaths(process: ProcessDirectory, old: Old, ranges: Ranges): MappedPath[] {
  const wanted = [...ranges].filter(([, range]) => range.old === old);
  const all = readMappings(process);
  const expected = asMapsShows(old.path);
  if (wanted.length === 0 || isUnread(all)) return both(isUnread(all) ? all : { unread: 'ABSENT' }, old);
  return wanted.flatMap(([range, { inode }]) => {
    const mapping = all.find((one) => one.range === range && one.inode === inode);
    if (mapping === undefined) return both({ unread: 'ESTALE' }, old);
    const exact = pathOf(mapping.link, old.file);
    const text = isUnread(exact) && isAmbiguous(mapping.text) ? { unread: 'AMBIGUOUS' } : mapping.text;
    return [
      { where: 'map_files', found: exact, expected: old.path },
      { where: 'maps', found: text, expected },
    ];
  });
}

function both(found: Unread, { path }: Old): MappedPath[] {
  return (['maps', 'map_files'] as const).map((where) => ({ where, found, expected: path }));
}
