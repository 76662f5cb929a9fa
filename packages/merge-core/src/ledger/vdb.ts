/**
 * Portage's package database below a root: one directory for each package, `CATEGORY/PF`, with a file for each fact
 * (docs/PORTAGE.md, G). Read, never written here: what a merge changes in it goes through the merge's transaction.
 *
 * Not guaranteed: that it stays as it was read. Who acts on it holds its lock (vdb-locks.ts) before the first look.
 */

import type { DirHandle, EntryType, FsPort } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import { MergeError, type Problem, quoted, quotedText, refuse } from '../errors.ts';
import { OpenDirectories } from '../open-directories.ts';
import { join, splitPath } from '../paths.ts';
import { type Contents, parseContents } from './contents.ts';
import { parseCounter } from './counter.ts';
import { type PackageName, showPackage, tryPackageName } from './package-name.ts';
import { damaged, readBelow } from './read-below.ts';
import { RealDirectories } from './real-directories.ts';

/** A directory that has a package's name; what is in it may be half written. */
export interface VdbDirectory {
  readonly name: PackageName;
  /** Below the root, without a symlink in it: `var/db/pkg/CATEGORY/PF`. */
  readonly directory: Bytes;
}

export interface VdbEntry extends VdbDirectory {
  /** Without the subslot. */
  readonly slot: string;
  /** Higher is later; undefined for an entry that has none. */
  readonly counter: number | undefined;
}

export const CONTENTS: Bytes = ascii('CONTENTS');

/** Readers pass over these, and over every name that begins with a dot or a hyphen (`-MERGING-…`). */
const IGNORED: readonly string[] = ['CVS', 'lost+found'];
/** PMS 3.1.3, with the subslot. */
const SLOT = /^([A-Za-z0-9_][A-Za-z0-9+_.-]*)(?:\/[A-Za-z0-9_][A-Za-z0-9+_.-]*)?$/;
/** Of SLOT and its like; the longest that Portage writes (environment.bz2, ebuilds) are far below. */
const FIELD_BYTES_MAX = 64 * 1024 * 1024;

export class Vdb implements Disposable {
  readonly fs: FsPort;
  /** Directories of the root, open while this is. */
  readonly root: OpenDirectories;
  readonly real: RealDirectories;
  /** Where it is, or would be made, below the root; symlinks on the way are followed inside the root. */
  readonly path: Bytes;
  #directories: readonly VdbDirectory[] | undefined;
  /** What was read, by directory. */
  readonly #entries = new Map<Bytes, VdbEntry | Problem>();
  readonly #problems: Problem[] = [];

  /**
   * A database that is not there has no packages.
   * @param path below the root, for instance `var/db/pkg`
   * @throws MergeError VDB_DAMAGED when something else is there, UNSAFE_SYMLINK, SYMLINK_LOOP
   */
  constructor(root: DirHandle, path: Bytes, fs: FsPort) {
    this.fs = fs;
    this.root = new OpenDirectories(fs, root);
    this.real = new RealDirectories(fs, this.root);
    try {
      this.path = this.#place(path);
      const { parent, name } = splitPath(this.path);
      const above = this.real.of(parent);
      const stat = above === undefined || 'code' in above ? undefined : fs.stat(this.root.at(above.path), name);
      if (stat !== undefined && stat.type !== 'directory')
        throw refuse([damaged(path, `${quoted(path)} is no directory, so no package database`)]);
    } catch (error) {
      this.root[Symbol.dispose]();
      throw error;
    }
  }

  /** The real path of a directory; what is missing of it is taken as it is written. */
  #place(path: Bytes): Bytes {
    const found = this.real.of(path);
    if (found !== undefined && 'code' in found) throw refuse([found]);
    if (found !== undefined) return found.path;
    const { parent, name } = splitPath(path);
    return join(this.#place(parent), name);
  }

  /** All that have a package's name, whole or not, sorted by it. As they were when first asked for. */
  directories(): readonly VdbDirectory[] {
    if (this.#directories !== undefined) return this.#directories;
    const found: VdbDirectory[] = [];
    for (const category of this.#subdirectories(this.path)) {
      const at = join(this.path, category);
      // Not a category by its name: Portage does not look into it either.
      if (tryPackageName(`${category}/a-0`) === undefined) continue;
      for (const pf of this.#subdirectories(at)) {
        const name = tryPackageName(`${category}/${pf}`);
        const directory = join(at, pf);
        if (name !== undefined) found.push({ name, directory });
        else this.#problems.push(damaged(directory, `${quoted(directory)} has no package's name`));
      }
    }
    this.#directories = found.sort((a, b) => (showPackage(a.name) < showPackage(b.name) ? -1 : 1));
    return this.#directories;
  }

  /** All that are whole. What is not is among the {@link problems}. */
  packages(): readonly VdbEntry[] {
    return this.#whole(this.directories());
  }

  /** Entries that are half written, and what else is wrong with the database: each names its path. */
  problems(): readonly Problem[] {
    this.packages();
    return this.#problems;
  }

  /**
   * What is installed of a package in a slot, the latest first.
   * @throws MergeError VDB_DAMAGED when a version of the package is half written: nobody knows its slot
   */
  inSlot(category: string, pn: string, slot: string): VdbEntry[] {
    const versions = this.directories().filter(({ name }) => name.category === category && name.pn === pn);
    const entries = this.#undamaged(versions).filter((entry) => entry.slot === slot);
    return entries.sort((a, b) => (b.counter ?? -1) - (a.counter ?? -1));
  }

  /** @throws MergeError VDB_DAMAGED when it is half written */
  entry(name: PackageName): VdbEntry | undefined {
    return this.#undamaged(this.directories().filter((one) => showPackage(one.name) === showPackage(name)))[0];
  }

  /** Reads these alone: of thousands of packages a merge concerns one or two. */
  #undamaged(directories: readonly VdbDirectory[]): VdbEntry[] {
    const entries = this.#whole(directories);
    const paths = new Set(directories.map(({ directory }) => directory));
    const problems = this.#problems.filter(({ path }) => paths.has(path));
    if (problems.length > 0) throw refuse(problems);
    return entries;
  }

  #whole(directories: readonly VdbDirectory[]): VdbEntry[] {
    return directories.flatMap((directory) => {
      let entry = this.#entries.get(directory.directory);
      if (entry === undefined) {
        entry = this.#read(directory);
        this.#entries.set(directory.directory, entry);
        if ('code' in entry) this.#problems.push(entry);
      }
      return 'code' in entry ? [] : [entry];
    });
  }

  /** @throws MergeError VDB_DAMAGED when it cannot be read; lines that mean nothing are `problems` of what is returned */
  contents(entry: VdbDirectory): Contents {
    const content = this.file(entry, CONTENTS);
    if (content === undefined) throw refuse([damaged(entry.directory, `${quoted(entry.directory)} has no CONTENTS`)]);
    return parseContents(content);
  }

  /** One fact, say `SLOT`, without blanks around it; undefined when there is no such file. @throws MergeError VDB_DAMAGED */
  field(entry: VdbDirectory, field: string): string | undefined {
    return this.file(entry, ascii(field))?.toString('utf8').trim();
  }

  /** A file of an entry, whole; undefined when there is none. @throws MergeError VDB_DAMAGED when it cannot be read */
  file({ directory }: VdbDirectory, name: Bytes): Buffer | undefined {
    const content = readBelow(
      this.fs,
      this.root,
      join(directory, name),
      name === CONTENTS ? Infinity : FIELD_BYTES_MAX,
    );
    if (content !== undefined && 'code' in content) throw refuse([content]);
    return content;
  }

  #read(entry: VdbDirectory): VdbEntry | Problem {
    const { directory } = entry;
    const wrong = (what: string): Problem => damaged(directory, `${quoted(directory)} ${what}`);
    try {
      const slot = this.field(entry, 'SLOT');
      if (slot === undefined || slot === '') return wrong('is half written: it has no SLOT');
      const name = SLOT.exec(slot)?.[1];
      if (name === undefined) return wrong(`has a SLOT that is none: ${quotedText(slot.slice(0, 80))}`);
      const counter = this.field(entry, 'COUNTER');
      const number = counter === undefined ? undefined : parseCounter(counter);
      if (counter !== undefined && number === undefined)
        return wrong(`has a COUNTER that is no number: ${quotedText(counter.slice(0, 80))}`);
      if (this.fs.stat(this.root.at(directory), CONTENTS)?.type !== 'file')
        return wrong('is half written: it has no CONTENTS');
      return { ...entry, slot: name, counter: number };
    } catch (error) {
      if (error instanceof MergeError) return damaged(directory, error.message);
      if (isErrno(error)) return wrong(`cannot be read (${error.code})`);
      throw error;
    }
  }

  #subdirectories(path: Bytes): Bytes[] {
    const dir = this.#open(path);
    if (dir === undefined) return [];
    const names: Bytes[] = [];
    for (const { name, type } of this.fs.list(dir)) {
      if (name.startsWith('.') || name.startsWith('-') || IGNORED.includes(name)) continue;
      const known: EntryType | undefined = type ?? this.fs.stat(dir, name)?.type;
      if (known === 'directory') names.push(name);
      else if (known === 'symlink') {
        const link = join(path, name);
        this.#problems.push(damaged(link, `${quoted(link)} is a symlink: it is not followed`));
      }
    }
    return names;
  }

  #open(path: Bytes): DirHandle | undefined {
    try {
      return this.root.at(path);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      if (!isErrno(error)) throw error;
      this.#problems.push(damaged(path, `${quoted(path)} cannot be opened (${error.code})`));
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.root[Symbol.dispose]();
  }
}
