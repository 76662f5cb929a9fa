import type { FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import type { Problem } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { join, splitPath } from '../paths.ts';
import type { Steps } from '../steps.ts';
import type { ContentsEntry } from './contents.ts';
import type { PackageName } from './package-name.ts';
import type { RealPaths } from './real-paths.ts';
import type { Found, LinkKept, Unmerge, UnmergeReason, UnmergeRules, Verdict } from './unmerge-model.ts';

interface FoundLink extends Found {
  /** The real directory that it leads to. */
  readonly leadsTo: Bytes;
}

/** What install-info leaves in a directory of info pages; nobody lists it. */
const INFO_INDEX: ReadonlySet<string> = new Set(['dir', 'dir.old']);

/**
 * The tree as it will be, while verdicts are collected: what is gone by then decides which directories become empty (I.4)
 * and which symlinks to directories nobody needs (I.2h, I.5).
 */
export class UnmergeDraft {
  readonly #root: OpenDirectories;
  readonly #rules: UnmergeRules;
  readonly #fs: FsPort;
  readonly #infoDirectories: ReadonlySet<unknown>;
  readonly #verdicts: Verdict[] = [];
  readonly #unsafe: Problem[] = [];
  readonly #linksKept: LinkKept[] = [];
  /** Real paths of all entries of the package that are there, which must not be more than their CONTENTS says. */
  readonly #own = new Set<Bytes>();
  readonly #gone = new Set<Bytes>();
  /** Real directories in which the new version has something through a symlink. */
  readonly #inUse = new Set<Bytes>();
  /** Symlinks to directories, by real path. */
  readonly #links = new Map<Bytes, FoundLink>();
  /** Directories that are not decided yet, or stay, by real path. */
  readonly #directories = new Map<Bytes, Found>();
  /** How many names each directory keeps that was looked at and is not empty. */
  readonly #left = new Map<Bytes, number>();
  /** Other paths for what is in one of the two maps above. */
  readonly #aliases: Found[] = [];

  constructor(real: RealPaths, root: OpenDirectories, rules: UnmergeRules, fs: FsPort) {
    this.#root = root;
    this.#rules = rules;
    this.#fs = fs;
    this.#infoDirectories = new Set(rules.infoDirectories.map((path) => real.directory(path)));
  }

  isGone(target: Bytes): boolean {
    return this.#gone.has(target);
  }

  keep(entry: ContentsEntry, target: Bytes, reason: UnmergeReason, stat?: Stat): void {
    if (stat !== undefined) this.#own.add(target);
    const { path, type } = entry;
    this.#verdicts.push({ path, target, type, verdict: 'keep', reason, ...(stat && { stat }) });
  }

  keepUnsafe(entry: ContentsEntry, why: Problem): void {
    if (this.#unsafe.at(-1)?.path !== why.path) this.#unsafe.push(why);
    this.keep(entry, entry.path, '!unsafe');
  }

  remove({ entry, place, stat }: Found): void {
    // unlink of a name that something is mounted on is EBUSY.
    if (stat.mountRoot) this.keep(entry, place.path, '!mount', stat);
    else this.#takeAway(entry.path, entry.type, 'remove', place.path, stat);
  }

  addDirectory(found: Found): void {
    if (this.#directories.has(found.place.path)) this.#aliases.push(found);
    else this.#directories.set(found.place.path, found);
  }

  addLink(found: Found, leadsTo: Bytes): void {
    this.#own.add(found.place.path);
    if (this.#links.has(found.place.path)) this.#aliases.push(found);
    else this.#links.set(found.place.path, { ...found, leadsTo });
  }

  /** (I.5) */
  keepLink({ entry, place, stat }: Found, owners: readonly PackageName[]): void {
    this.#linksKept.push({ path: entry.path, owners });
    this.keep(entry, place.path, '!empty', stat);
  }

  /** (I.2d) The old version made a symlink, the new one has a directory of that name, and its files lie behind the link (bug 326685). */
  noteOrphanedLink(path: Bytes, leadsTo: Bytes): void {
    this.#inUse.add(leadsTo);
    this.#linksKept.push({ path, owners: [] });
  }

  /** Decides on symlinks to directories and on directories, when everything else is decided. */
  *finish(): Steps<Unmerge> {
    const behind = new Map<Bytes, FoundLink[]>();
    for (const link of this.#links.values()) {
      if (this.#holdsOnlyOwn(link.leadsTo)) {
        this.remove(link);
        continue;
      }
      const others = behind.get(link.leadsTo);
      if (others === undefined) behind.set(link.leadsTo, [link]);
      else others.push(link);
    }
    yield* this.#emptyDirectories([...this.#directories.keys()].sort(), behind);
    for (const links of [...behind.values()]) {
      for (const link of links) {
        if (this.isGone(link.place.path)) continue;
        yield 'stoppable';
        const owners = this.#ownersThrough(link);
        if (owners.length > 0) {
          this.keepLink(link, owners);
        } else {
          this.remove(link);
          yield* this.#emptyDirectories([splitPath(link.place.path).parent], behind);
        }
      }
    }
    for (const { entry, place, stat } of [...this.#directories.values(), ...this.#aliases])
      this.keep(entry, place.path, this.isGone(place.path) ? '!found' : this.#whyStays(place.path, stat), stat);
    return { verdicts: this.#verdicts, linksKept: this.#linksKept, unsafe: this.#unsafe };
  }

  /** (I.5) */
  #ownersThrough({ entry, place }: FoundLink): readonly PackageName[] {
    const owners = this.#rules.otherOwners(entry.path);
    return owners.length > 0 || entry.path === place.path ? owners : this.#rules.otherOwners(place.path);
  }

  /** (I.2h) All that is left behind the link are plain files of this package, whatever they are called in its list. */
  #holdsOnlyOwn(directory: Bytes): boolean {
    const dir = this.#root.at(directory);
    return (
      this.#namesLeft(directory)?.every(
        (name) => this.#own.has(join(directory, name)) && this.#fs.stat(dir, name)?.type === 'file',
      ) ?? false
    );
  }

  /**
   * Takes away the directories of `todo`, last first, that become empty; with each the symlinks that led to it, and then the
   * directories that were full only for the sake of those (bug 640058).
   */
  *#emptyDirectories(todo: Bytes[], behind: ReadonlyMap<Bytes, readonly FoundLink[]>): Steps<void> {
    for (let target = todo.pop(); target !== undefined; target = todo.pop()) {
      yield 'stoppable';
      const found = this.#directories.get(target);
      if (found === undefined || this.#whyStays(target, found.stat) !== '!empty') continue;
      // Read again only when it is nearly empty: a directory of many symlinks would be read once for each of them.
      if ((this.#left.get(target) ?? 0) > INFO_INDEX.size) continue;
      const left = this.#clean(found);
      this.#left.set(target, left);
      if (left > 0) continue;
      this.#directories.delete(target);
      this.#takeAway(found.entry.path, found.entry.type, 'remove-directory-if-empty', target, found.stat);
      todo.push(splitPath(target).parent);
      for (const link of behind.get(target) ?? []) {
        // One that lay in the directory it leads to went before it.
        if (this.isGone(link.place.path)) continue;
        this.remove(link);
        todo.push(splitPath(link.place.path).parent);
      }
    }
  }

  #whyStays(target: Bytes, stat: Stat): UnmergeReason {
    if (this.#inUse.has(target)) return 'replaced';
    return stat.mountRoot ? '!mount' : '!empty';
  }

  /** How many names are left in a directory, once an index of info pages that stands alone there is taken away (I.4). */
  #clean({ entry, place }: Found): number {
    const names = this.#namesLeft(place.path);
    if (names === undefined) return Number.POSITIVE_INFINITY;
    const mayHaveIndex = this.#infoDirectories.has(place.path) || splitPath(place.path).name === 'info';
    if (!mayHaveIndex || !names.every((name) => INFO_INDEX.has(name))) return names.length;
    let left = names.length;
    for (const name of names) {
      const path = join(entry.path, name);
      const stat = this.#fs.stat(this.#root.at(place.path), name);
      if (stat?.type !== 'file' || stat.mountRoot || this.#rules.otherOwners(path).length > 0) continue;
      this.#takeAway(path, 'obj', 'remove', join(place.path, name), stat);
      left--;
    }
    return left;
  }

  /** undefined where they cannot be read: then nobody knows, and the directory counts as full. */
  #namesLeft(directory: Bytes): Bytes[] | undefined {
    try {
      const named = this.#fs.list(this.#root.at(directory));
      return named.map(({ name }) => name).filter((name) => !this.isGone(join(directory, name)));
    } catch (error) {
      if (isErrno(error, 'EACCES', 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
      throw error;
    }
  }

  #takeAway(path: Bytes, type: Verdict['type'], verdict: Verdict['verdict'], target: Bytes, stat: Stat): void {
    this.#own.add(target);
    this.#gone.add(target);
    const { parent } = splitPath(target);
    const left = this.#left.get(parent);
    if (left !== undefined) this.#left.set(parent, left - 1);
    this.#verdicts.push({ path, target, type, verdict, reason: '', stat });
  }
}
