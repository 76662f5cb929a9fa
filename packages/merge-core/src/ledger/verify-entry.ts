import type { EntryType, FsPort, Stat, Xattrs } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import type { OpenDirectories } from '../open-directories.ts';
import { portable } from '../strategy/attributes.ts';
import type { ContentsEntry } from './contents.ts';
import { DIGEST_CHUNK, digestHandle, digestNames } from './digests.ts';
import { isProblem, type Place, RealPaths } from './real-paths.ts';
import { type RecordedEntry, recordXattrs } from './record.ts';
import type { Expected, FindingKind } from './verify.ts';

export interface Looked {
  /** The entry as it is; undefined when it is missing or out of reach. */
  readonly stat: Stat | undefined;
  readonly kinds: ReadonlySet<FindingKind>;
}

/** Types that stand for a line of CONTENTS. */
export const typesOf: Readonly<Record<ContentsEntry['type'], readonly EntryType[]>> = {
  dir: ['directory'],
  obj: ['file'],
  sym: ['symlink'],
  fif: ['fifo'],
  dev: ['char', 'block', 'socket'],
};

/** Looks at one entry after the other; what is learnt about directories and the buffer are kept. */
export class EntryVerifier {
  readonly #fs: FsPort;
  readonly #root: OpenDirectories;
  readonly #real: RealPaths;
  readonly #quick: boolean;
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(DIGEST_CHUNK);
  /** Content that was read, bytes. */
  bytesRead = 0;

  constructor(root: OpenDirectories, fs: FsPort, quick: boolean) {
    this.#fs = fs;
    this.#root = root;
    this.#real = new RealPaths(fs, root);
    this.#quick = quick;
  }

  look(expected: Expected): Looked {
    const kinds = new Set<FindingKind>();
    let stat: Stat | undefined;
    this.#try(kinds, () => {
      const place = this.#real.place(expected.entry.path);
      if (isProblem(place)) {
        kinds.add('unreadable');
        return;
      }
      stat = place && this.#real.stat(place);
      if (place === undefined || stat === undefined) kinds.add('missing');
      else this.#compare(expected, place, stat, kinds);
    });
    return { stat, kinds };
  }

  /** Something that is gone between two looks is missing; what cannot be looked at ends only this look. */
  #try(kinds: Set<FindingKind>, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!isErrno(error)) throw error;
      kinds.add(isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP') ? 'missing' : 'unreadable');
    }
  }

  #compare({ entry, recorded }: Expected, place: Place, stat: Stat, kinds: Set<FindingKind>): void {
    if (!this.#hasType(entry, recorded, place, stat)) {
      kinds.add('type');
      return;
    }
    const sameTime = recorded === undefined ? isSecond(entry, stat) : isMoment(recorded, stat);
    // Every new name in a directory changes its time.
    if ((entry.type === 'obj' || entry.type === 'sym') && !sameTime) kinds.add('mtime');
    let xattrs: Xattrs | undefined;
    if (entry.type === 'obj') {
      this.#try(kinds, () => {
        xattrs = this.#readContent(entry, recorded, place, stat, sameTime, kinds);
      });
    }
    if (entry.type === 'sym' && this.#fs.readlink(this.#root.at(place.directory), place.name) !== entry.target)
      kinds.add('target');
    // A directory that became a symlink has that one's attributes, which nobody recorded.
    if (recorded !== undefined && recorded.type === stat.type)
      this.#compareAttributes(recorded, place, stat, kinds, xattrs);
  }

  /** A directory may have become a symlink to one: what is below it is found all the same (merged `/usr`). */
  #hasType(entry: ContentsEntry, recorded: RecordedEntry | undefined, place: Place, { type }: Stat): boolean {
    if (entry.type === 'dir' && type === 'symlink') return typeof this.#real.follow(place) === 'string';
    return recorded === undefined ? typesOf[entry.type].includes(type) : type === recorded.type;
  }

  /** By the strongest digest that is known of it. @returns its extended attributes, where it has to be opened for that */
  #readContent(
    entry: ContentsEntry & { readonly type: 'obj' },
    recorded: RecordedEntry | undefined,
    { directory, name }: Place,
    stat: Stat,
    sameTime: boolean,
    kinds: Set<FindingKind>,
  ): Xattrs | undefined {
    const record = recorded?.type === 'file' ? recorded : undefined;
    if (record !== undefined && record.size !== stat.size) {
      kinds.add('content');
      return undefined;
    }
    if (record !== undefined && this.#quick && sameTime) return undefined;
    const best = digestNames.findLast((one) => record?.digests[one] !== undefined) ?? 'md5';
    const file = this.#fs.openFile(this.#root.at(directory), name);
    try {
      const { size, digests } = digestHandle(file, [best], this.#buffer, this.#fs);
      this.bytesRead += size;
      // Said before its attributes are read, which may fail.
      if (digests[best] !== (record?.digests[best] ?? entry.md5)) kinds.add('content');
      return record && this.#fs.xattrs(file);
    } finally {
      this.#fs.closeFile(file);
    }
  }

  #compareAttributes(
    recorded: RecordedEntry,
    place: Place,
    stat: Stat,
    kinds: Set<FindingKind>,
    xattrs: Xattrs | undefined,
  ): void {
    // The mode of a symlink says nothing.
    if (recorded.type !== 'symlink' && recorded.mode !== stat.mode) kinds.add('mode');
    if (recorded.uid !== stat.uid || recorded.gid !== stat.gid) kinds.add('owner');
    if ('rdev' in recorded && recorded.rdev !== stat.rdev) kinds.add('device');
    this.#try(kinds, () => {
      const found = recordXattrs(portable(xattrs ?? this.#xattrsOf(place)));
      if (!sameStrings(recorded.xattrs ?? {}, found)) kinds.add('xattrs');
    });
  }

  #xattrsOf({ directory, name }: Place): Xattrs {
    const pinned = this.#fs.pin(this.#root.at(directory), name);
    try {
      return this.#fs.xattrs(pinned);
    } finally {
      this.#fs.closeFile(pinned);
    }
  }
}

/** CONTENTS has whole seconds. */
function isSecond(entry: ContentsEntry, { mtime }: Stat): boolean {
  return (entry.type === 'obj' || entry.type === 'sym') && mtime.sec === entry.mtime;
}

function isMoment({ mtime }: RecordedEntry, stat: Stat): boolean {
  return mtime.sec === stat.mtime.sec && mtime.nsec === stat.mtime.nsec;
}

function sameStrings(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
