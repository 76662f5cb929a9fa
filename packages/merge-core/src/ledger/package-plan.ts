import { ascii, type Bytes } from '@emplace/syscalls';
import { join, splitPath } from '../paths.ts';
import type { Additions } from '../plan/additions.ts';
import type { Draft } from '../plan/draft.ts';
import type { PlanLedger } from '../plan/ruling.ts';
import type { Steps } from '../steps.ts';
import { tellCollisions } from './collisions.ts';
import { formatConfigMemory } from './config-memory.ts';
import { whyNotCarried } from './contents.ts';
import { formatCounter } from './counter.ts';
import { fileDigester } from './digests.ts';
import { contentsFile, contentsOf, entryFiles } from './entry-files.ts';
import { ignoreGlobs, withDirectories } from './ignore-globs.ts';
import type { ImageEntry } from './image-list.ts';
import { type KeptLibraries, keptLibraries, noneKept } from './kept-libraries.ts';
import { NewPaths } from './new-paths.ts';
import { indexFileOf } from './owners.ts';
import { Ownership } from './ownership.ts';
import { type PackageName, showPackage } from './package-name.ts';
import { type MayGo, PackageRuling } from './package-ruling.ts';
import { planPreserved } from './plan-preserved.ts';
import { planPristine } from './pristine.ts';
import { Protection } from './protection.ts';
import type { ImageContents } from './read-image.ts';
import type { LedgerFacts } from './read-ledger.ts';
import { realPathOf } from './real-paths.ts';
import { suspiciousHardLinks } from './suid-links.ts';
import type { LinkKept, UnmergeRules, Verdict } from './unmerge-model.ts';
import { decideUnmerge, whatChanged } from './unmerge-rules.ts';
import { lockFileOf } from './vdb-locks.ts';

/** What a merge did of packages. */
export interface LedgerReport {
  /** `CATEGORY/PF`. */
  readonly package?: string;
  /** Versions that gave way to it. */
  readonly replaced: readonly string[];
  /** Symlinks to directories that would have gone, and who uses them. */
  readonly linksKept: readonly LinkKept[];
  /** What becomes of each path of the versions that go; only dry runs tell of those that the new version has too. */
  readonly verdicts: readonly PathVerdict[];
}

/** With Portage's label as its reason (docs/PORTAGE.md, I). `target`: where it really is, when that is another path. */
export type PathVerdict = Pick<Verdict, 'path' | 'type' | 'verdict' | 'reason'> & { readonly target?: Bytes };

const NO_MD5 = '0'.repeat(32);

/** The ledger's part of one plan: what becomes of protected and foreign files, what of the old versions goes, what is recorded. */
export class PackagePlan implements PlanLedger {
  readonly ruling: PackageRuling;
  readonly masked: ReadonlySet<Bytes>;
  /** What becomes of each path of the versions that go. */
  readonly verdicts: Verdict[] = [];
  readonly linksKept: LinkKept[] = [];
  readonly #facts: LedgerFacts;
  readonly #protection: Protection;
  readonly #contents: ImageContents;
  /** Paths that do not go: of what is merged, and of other versions in the slot. */
  readonly #staying: NewPaths;
  readonly #ownership: Ownership;
  #isToldOfDoubts = false;
  #kept: KeptLibraries = noneKept;

  /** @param contents of all that the image brings, once everything is staged */
  constructor(facts: LedgerFacts, contents: ImageContents) {
    this.#facts = facts;
    this.#contents = contents;
    const { request, settings, root, protect, memory, installed, isDowngrade, image, real, fs } = facts;
    const { vdb, name, going, staying } = facts;
    this.masked = image?.masked ?? new Set();
    this.#staying = new NewPaths(
      [
        ...(image?.entries ?? []).map(({ path, stat }) => ({ path, isDirectory: stat.type === 'directory' })),
        ...staying.map(({ path, type }) => ({ path, isDirectory: type === 'dir' })),
      ],
      real,
    );
    const digest = fileDigester(['md5'], fs);
    this.#protection = new Protection(
      protect,
      memory,
      { ifModified: settings.configProtectIfModified, offerAgain: request.noConfMem || isDowngrade },
      digest,
      fs,
    );
    const gone = going.flatMap(({ entry }) => entry?.name ?? []);
    this.#ownership = new Ownership(vdb, name === undefined ? gone : [...gone, name]);
    const isDirectory = (path: Bytes): boolean => typeof real.directory(path) === 'string';
    const isIgnored = ignoreGlobs(withDirectories(settings.collisionIgnore, isDirectory));
    const isKept = ignoreGlobs(settings.uninstallIgnore);
    const mayGo: MayGo = (target, stat, entry) => {
      if (isKept(target)) return false;
      const isProtected = protect.covers(target);
      if (!isProtected && !settings.keepModified) return true;
      const { parent, name } = splitPath(target);
      return whatChanged({ entry, stat }, isProtected, () => digest(root.at(parent), name).digests.md5) === undefined;
    };
    const kept = new Set(facts.preserved.flatMap(({ paths }) => paths.map((path) => realPathOf(path, real))));
    this.ruling = new PackageRuling(
      installed,
      this.#protection,
      isIgnored,
      mayGo,
      this.#reserved(),
      kept,
      settings.mergeUseVdb ? digest : undefined,
      fs,
    );
  }

  *complete(draft: Draft, additions: Additions): Steps<void> {
    const { settings, locks } = this.#facts;
    for (const path of locks) draft.lock(path);
    tellCollisions(this.ruling.collisions, settings.collisions, this.#ownership, draft);
    this.#refuseUncarried(draft);
    yield* this.#planObsolete(draft, additions);
    this.#planEntry(draft, additions);
    planPreserved(this.#facts, this.#kept, this.verdicts, this.ruling.preserved, additions);
    planPristine(this.#facts, this.#protection.taken, this.verdicts, additions);
    this.#planMemory(additions);
  }

  /** What CONTENTS cannot say is told before anything changes, all of it. */
  #refuseUncarried(draft: Draft): void {
    if (!this.#keepsContents()) return;
    for (const entry of this.#facts.image?.entries ?? []) {
      const why = whyNotCarried(contentsOf(entry, () => NO_MD5));
      if (why !== undefined)
        draft.refuse('CONTENTS_CANNOT_CARRY', entry.path, `in the image cannot be recorded: ${why}`);
    }
  }

  /** Obsolete files of the versions that go (A.15, I). Directories are told first: what is removed in them is planned there. */
  *#planObsolete(draft: Draft, additions: Additions): Steps<void> {
    const { going, root, real, settings, places, protect, fs } = this.#facts;
    const rules: UnmergeRules = {
      prefix: places.prefix,
      isReplaced: (path) => this.#staying.has(path),
      isReplacedByDirectory: (path) => this.#staying.hasDirectory(path),
      // A device or FIFO below /etc is nobody's to remove either, though it is never offered an update.
      isProtected: (path, stat) =>
        stat.type === 'file' || stat.type === 'symlink' ? protect.isProtected(path, stat) : protect.covers(path),
      uninstallIgnore: settings.uninstallIgnore,
      keepModified: settings.keepModified,
      otherOwners: (path) => this.#othersOrRefuse(path, draft),
      infoDirectories: ['usr/share/info', 'usr/info'].map((path) => join(places.prefix, ascii(path))),
    };
    // All at once: a directory that two of them share is empty only when both are gone. Of one path the latest tells.
    const entries = going.flatMap((version) => version.entries);
    let decided = yield* decideUnmerge(entries, root, rules, fs);
    // (I.6)
    for (const { code, path, message } of suspiciousHardLinks(decided.verdicts, real))
      draft.refuseAs(code, path, message);
    if (settings.preserveLibs && this.#facts.image !== undefined) {
      this.#kept = keptLibraries(this.#facts, decided.verdicts);
      const kept = this.#kept.entries;
      for (const problem of this.#kept.problems) draft.refuseAs(problem.code, problem.path, problem.message);
      // Once more, for what they keep from becoming empty.
      const isReplaced = (path: Bytes): boolean => kept.has(path) || rules.isReplaced(path);
      if (kept.size > 0) decided = yield* decideUnmerge(entries, root, { ...rules, isReplaced }, fs);
    }
    const { linksKept, unsafe } = decided;
    const verdicts = decided.verdicts.map((one) => (this.#kept.entries.has(one.path) ? asNeeded(one) : one));
    for (const verdict of verdicts) this.verdicts.push(verdict);
    this.linksKept.push(...linksKept);
    for (const { message, path } of unsafe) draft.warn('LEFT_BEHIND', `${message}: what it leads to stays`, path);
    const emptied = verdicts.filter(({ verdict }) => verdict === 'remove-directory-if-empty');
    additions.drop(emptied.map(({ target }) => target));
    for (const { target, verdict, stat } of verdicts) {
      yield 'stoppable';
      if (verdict === 'remove' && !draft.isInSwapped(target)) additions.remove(target, stat);
    }
  }

  /** The entry of what is merged comes, and those of what goes, go. */
  #planEntry(draft: Draft, additions: Additions): void {
    const { vdb, name, going, image, counter, places, contents } = this.#facts;
    if (contents !== undefined) {
      const content = (): Buffer => contentsFile(this.#recordedEntries(draft), this.#contents);
      if (image === undefined) additions.remove(contents);
      else additions.record({ path: contents, mode: 0o644, content });
    }
    if (vdb === undefined || name === undefined) return;
    const category = join(vdb.path, name.category);
    const own = join(category, name.pf);
    const old = going.flatMap(({ entry }) => (entry === undefined ? [] : [entry.directory]));
    const categories = old.map((directory) => splitPath(directory).parent);
    additions.drop(categories.filter((one) => image === undefined || one !== category));
    for (const directory of old) if (directory !== own || image === undefined) additions.remove(directory);
    // Others tell by its time that something below has changed (A.2); the category's own changes by itself.
    additions.touch(vdb.path);
    if (image === undefined) return;
    additions.record(
      {
        path: own,
        mode: 0o755,
        files: () => entryFiles(this.#facts, this.#recordedEntries(draft), this.#contents, this.#kept),
      },
      ascii(`-MERGING-${name.pf}`),
    );
    additions.record({ path: places.counter, mode: 0o644, content: () => formatCounter(counter) });
  }

  /** What the package has in the root by the names of its image; the time of an entry whose twin was placed is that one's (E.7). */
  #recordedEntries({ twins }: Draft): readonly ImageEntry[] {
    const entries = this.#facts.image?.entries ?? [];
    if (twins.size === 0) return entries;
    const byPath = new Map(entries.map((entry) => [entry.path, entry]));
    return entries.map((entry) => {
      const twin = twins.get(entry.path);
      const placed = twin === undefined ? undefined : byPath.get(twin);
      return placed === undefined ? entry : { ...entry, stat: { ...entry.stat, mtime: placed.stat.mtime } };
    });
  }

  /** (F.6), (F.7) */
  #planMemory(additions: Additions): void {
    const { memory: before, places } = this.#facts;
    const { memory } = this.#protection;
    for (const { path, verdict } of this.verdicts) if (verdict === 'remove') memory.delete(path);
    const after = formatConfigMemory(memory);
    if (!after.equals(formatConfigMemory(before)))
      additions.record({ path: places.memory, mode: 0o644, content: () => after });
  }

  #keepsContents(): boolean {
    return this.#facts.vdb !== undefined || this.#facts.contents !== undefined;
  }

  /** What the ledger writes: an image that brings it too would be told a lie. */
  #reserved(): Set<Bytes> {
    const { vdb, name, places, contents } = this.#facts;
    const reserved = new Set<Bytes>([places.memory, places.pristine]);
    if (contents !== undefined) reserved.add(contents);
    if (vdb !== undefined) {
      const beside = [lockFileOf(vdb.path), indexFileOf(vdb)];
      for (const path of [vdb.path, places.counter, places.registry, ...beside]) reserved.add(path);
    }
    if (vdb !== undefined && name !== undefined) reserved.add(join(vdb.path, name.category));
    return reserved;
  }

  /** What a report says of it. */
  report(isDryRun: boolean): LedgerReport {
    const { name, going } = this.#facts;
    const replaced = going.flatMap(({ entry }) => (entry === undefined ? [] : [showPackage(entry.name)]));
    return {
      ...(name && { package: showPackage(name) }),
      replaced: replaced.filter((one) => name === undefined || one !== showPackage(name)),
      linksKept: this.linksKept,
      verdicts: this.verdicts
        .filter(({ reason }) => isDryRun || reason !== 'replaced')
        .map(({ path, target, type, verdict, reason }) => ({
          ...{ path, type, verdict, reason },
          ...(target !== path && { target }),
        })),
    };
  }

  /** Keeps the index of owners for the next time. */
  saveOwners(): void {
    this.#ownership.save();
  }

  /** Before something is removed since nobody has it: where that cannot be told nothing is. */
  #othersOrRefuse(path: Bytes, draft: Draft): readonly PackageName[] {
    const owners = this.#ownership.ownersOf(path);
    if (owners.length > 0 || this.#isToldOfDoubts) return owners;
    for (const problem of this.#ownership.untold()) {
      this.#isToldOfDoubts = true;
      draft.refuseAs(problem.code, problem.path, problem.message);
    }
    return owners;
  }
}

/** Of a path that only {@link keptLibraries} keeps. */
function asNeeded(verdict: Verdict): Verdict {
  return verdict.reason === 'replaced' && verdict.type !== 'dir' ? { ...verdict, reason: 'needed' } : verdict;
}
