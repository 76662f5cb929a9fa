import type { DirHandle, FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { HERE, join } from '../paths.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { Draft } from './draft.ts';
import type { Current } from './placing.ts';

/**
 * What an ordinary user may not do, told before anything changes. Root is asked nothing: what it may not do (a
 * user namespace, a network mount) the calls say, and the merge is rolled back then.
 */
export class Permissions {
  readonly #draft: Draft;
  readonly #fs: FsPort;
  /** Directories that were asked, by which tree and number. */
  readonly #asked = new Map<string, boolean>();

  constructor(draft: Draft, fs: FsPort) {
    this.#draft = draft;
    this.#fs = fs;
  }

  /** Whether an entry may be placed, as far as permissions go; told as a problem when not. */
  allow(current: Current, name: Bytes, stat: Stat, old: Stat | undefined, rung: Strategy): boolean {
    if (this.#fs.uid === 0) return true;
    if (!this.mayMakeIn(current)) return false;
    const path = join(current.target, name);
    if (old !== undefined && current.targetStat !== undefined && this.#isKept(old, current.targetStat))
      return this.#refuse(path, 'belongs to somebody else, in a sticky directory (EPERM)');
    if (rung.traits.staging !== 'made' && !this.#mayLeave(current, name, stat)) return false;
    return !rung.traits.copies || stat.type !== 'file' || this.#mayRead(current, name);
  }

  /** Whether names may be made in the target directory. */
  mayMakeIn({ index, target, targetDir }: Current): boolean {
    if (this.#fs.uid === 0 || targetDir === undefined) return true;
    return this.#mayWrite(`root ${index}`, targetDir, target, 'may not be written by this user (EACCES)');
  }

  /** Only its owner may set the time and attributes of an entry. */
  mayChange(path: Bytes, { uid }: Stat): boolean {
    return this.#fs.uid === 0 || this.#fs.uid === uid || this.#refuse(path, 'belongs to somebody else (EPERM)');
  }

  /** Reads a file's content when the merge does; the content of a graft too, whose files nobody else looks at. */
  #mayRead({ image, imageDir }: Current, name: Bytes): boolean {
    const why = unreadable(imageDir, name, this.#fs);
    if (why === undefined) return true;
    this.#draft.refuse('IMAGE_UNREADABLE', join(image, name), `in the image cannot be read (${why})`);
    return false;
  }

  #mayLeave({ index, image, imageDir }: Current, name: Bytes, stat: Stat): boolean {
    const what = 'in the image may not be written by this user (EACCES), so nothing can be moved out of it';
    if (!this.#mayWrite(`image ${index}`, imageDir, image, what)) return false;
    // A directory that moves gets another `..`, which is a write to it.
    if (stat.type !== 'directory' || this.#fs.mayWrite(imageDir, name)) return true;
    return this.#refuse(join(image, name), 'in the image may not be written by this user (EACCES)');
  }

  #mayWrite(key: string, dir: DirHandle, path: Bytes, what: string): boolean {
    const known = this.#asked.get(key);
    if (known !== undefined) return known;
    const may = this.#fs.mayWrite(dir, HERE);
    this.#asked.set(key, may);
    return may || this.#refuse(path, what);
  }

  /** In a sticky directory only the owners of an entry and of the directory may take a name away. */
  #isKept(old: Stat, directory: Stat): boolean {
    return (directory.mode & 0o1000) !== 0 && old.uid !== this.#fs.uid && directory.uid !== this.#fs.uid;
  }

  #refuse(path: Bytes, what: string): false {
    this.#draft.refuse('PERMISSION', path, what);
    return false;
  }
}

/** The errno with which a file cannot be opened for reading. */
export function unreadable(dir: DirHandle, name: Bytes, fs: FsPort): string | undefined {
  try {
    fs.closeFile(fs.openFile(dir, name));
    return undefined;
  } catch (error) {
    if (isErrno(error)) return error.code;
    throw error;
  }
}
