import type { Stat } from '@emplace/fsprobe';
import { type Bytes, show } from '@emplace/syscalls';
import type { ErrorCode } from '../errors.ts';
import { quoted } from '../errors.ts';
import type { WarningCode } from '../events.ts';
import { HERE, isWithin, join, splitPath } from '../paths.ts';
import type { Losable } from './carry.ts';
import { HardLinks, linkKey } from './hard-links.ts';
import type { Identical, Placement, Plan, PlannedDirectory, PlannedRecord, Removal } from './model.ts';
import type { PlanRequest } from './request.ts';
import type { ImageName } from './twins.ts';
import { isLibrary } from './undo-kind.ts';

/** See {@link Draft.expose}. */
interface Exposed extends Pick<Stat, 'dev' | 'ino'> {
  readonly path: Bytes;
  readonly why: string;
}

/** A plan while it is written down. */
export class Draft {
  readonly links: HardLinks = new HardLinks();
  /** Directories of the root that more than one directory of the image leads to, through symlinks there. */
  readonly aliased: Set<Bytes> = new Set();
  /** Symlinks of the root that directories of the image are merged through. */
  readonly through: Set<Bytes> = new Set();
  /** Entries of the image that another one is placed in the stead of, and that one: paths below the image. */
  readonly twins: Map<Bytes, Bytes> = new Map();
  readonly #plan: Plan;
  /** Identical entries that are placed after all, by their indexes in the plan. */
  readonly #unleft = new Set<number>();
  /** Directories of the root that give way to something else. */
  readonly #swapped = new Set<Bytes>();
  readonly #directories = new Map<Bytes, number>();
  readonly #exposed: Exposed[] = [];

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** @returns its index. */
  addDirectory(directory: PlannedDirectory): number {
    const index = this.#plan.directories.push(directory) - 1;
    if (!this.#directories.has(directory.target)) this.#directories.set(directory.target, index);
    return index;
  }

  /** The number of a directory of the root, when something is planned in it. */
  directoryAt(target: Bytes): number | undefined {
    return this.#directories.get(target);
  }

  place(placement: Placement, mode: number): void {
    const { counts } = this.#plan;
    if (placement.old === undefined) counts.created++;
    else counts.replaced++;
    counts.created += placement.entries - 1;
    if (placement.action === 'graft') counts.grafted++;
    if (placement.old?.type === 'directory') this.#swapped.add(this.targetOf(placement));
    this.#plan.bytes += placement.size;
    this.#plan.placements.add(placement, rankOf(placement, mode, this.targetOf(placement)));
  }

  /** @returns its number */
  leave(identical: Identical): number {
    this.#plan.counts.identical++;
    return this.#plan.identical.push(identical);
  }

  /** The n-th identical entry must be placed after all. */
  unleave(number: number): void {
    this.#plan.counts.identical--;
    this.#unleft.add(number);
  }

  /** All entries of the image were seen. */
  settleLinks(): void {
    this.links.settle();
    this.#plan.identical.drop(this.#unleft);
  }

  /** What the ledger writes; it comes after all that it tells of. */
  record(record: PlannedRecord, placement: Placement): void {
    const number = this.#plan.records.push(record) - 1;
    this.#plan.placements.add({ ...placement, record: number }, RECORDS);
  }

  remove(removal: Removal): void {
    this.#plan.counts.removed++;
    this.#plan.removals.push(removal);
  }

  /** A file that we hold a lock of. */
  lock(path: Bytes): void {
    this.#plan.locks.push(path);
  }

  /** An entry of the root of which only the time changes. */
  touch(touched: Identical): void {
    this.#plan.identical.push(touched);
  }

  /** An entry of the image that is not placed over the one that is there. */
  protect(path: Bytes, as: Bytes | undefined): void {
    this.#plan.protected.push({ path, ...(as && { as }) });
  }

  skip(count: number): void {
    this.#plan.counts.skipped += count;
  }

  countCreated(): void {
    this.#plan.counts.created++;
  }

  warn(code: WarningCode, message: string, path?: Bytes): void {
    this.#plan.warnings.push({ code, message, ...(path === undefined ? {} : { path }) });
  }

  /** An entry that loses what the caller accepts to lose. */
  lose(path: Bytes, what: readonly Losable[]): void {
    this.#plan.lost.push({ path, what });
  }

  /** An old entry after whose replacement a process that holds it may show a path of ours. */
  expose(path: Bytes, old: Stat, why: string): void {
    this.#exposed.push({ path, dev: old.dev, ino: old.ino, why });
  }

  /** `what` is said of the path, for instance "is a mount point". */
  refuse(code: ErrorCode, path: Bytes, what: string): void {
    this.#plan.problems.push({ code, path, message: `${path === HERE ? 'the root' : quoted(path)} ${what}` });
  }

  /** The same with a message that names the path already. */
  refuseAs(code: ErrorCode, path: Bytes, message: string): void {
    this.#plan.problems.push({ code, path, message });
  }

  /** Whether a path of the root lies in a directory that something else takes the place of: it goes with that. */
  isInSwapped(path: Bytes): boolean {
    for (let at = path; at !== HERE; at = splitPath(at).parent) if (this.#swapped.has(at)) return true;
    return false;
  }

  targetOf({ directory, name, as }: Pick<Placement, 'directory' | 'name' | 'as'>): Bytes {
    return join(this.#plan.directories[directory]?.target ?? ('' as Bytes), as ?? name);
  }

  /**
   * Two directories of the image that lead to one of the root must not bring the same name twice, unless both entries are the same:
   * then the first of them is placed, and the other one counts as there. Nor may anything take the place of a symlink that another
   * directory of the image leads through: its entries would end elsewhere.
   */
  findCollisions(areTwins: (first: ImageName, second: ImageName) => boolean): void {
    if (this.aliased.size === 0) return;
    const seen = new Map<Bytes, Placement | Identical>();
    const setAside: (Placement | Identical)[] = [];
    const twice = (target: Bytes): void =>
      this.refuse('IMAGE_COLLISION', target, 'would be placed twice: two directories of the image lead there');
    for (const list of [...this.#plan.placements.ranks, this.#plan.identical]) {
      const dropped = new Set<number>();
      for (const [index, entry] of list.entries()) {
        if (!this.aliased.has(this.#plan.directories[entry.directory]?.target ?? ('' as Bytes))) continue;
        const target = this.targetOf(entry);
        const first = seen.get(target);
        if (this.through.has(target)) twice(target);
        else if (first === undefined) seen.set(target, entry);
        else if (areTwins(first, entry)) {
          this.twins.set(this.#imagePathOf(entry), this.#imagePathOf(first));
          setAside.push(entry);
          dropped.add(index);
        } else twice(target);
      }
      list.drop(dropped);
    }
    for (const { action, target } of this.#plan.directories) if (action === 'make' && seen.has(target)) twice(target);
    for (const entry of setAside) this.#setAside(entry);
  }

  /** Its twin is placed in its stead. From the image it goes as what the root has already. */
  #setAside(entry: Placement | Identical): void {
    const { counts } = this.#plan;
    if ('rung' in entry) {
      if (entry.old === undefined) counts.created--;
      else counts.replaced--;
      this.#plan.bytes -= entry.size;
    } else {
      counts.identical--;
    }
    const { directory, name, ino } = entry;
    // A time that does not change is not set: that of the first counts.
    const time = { sec: 0, nsec: 0 };
    this.leave({ directory, name, ino, mtime: time, oldMtime: time });
  }

  #imagePathOf({ directory, name }: ImageName): Bytes {
    return join(this.#plan.directories[directory]?.image ?? HERE, name);
  }

  /** Warns of each exposed entry, with the processes that hold it now. */
  warnOfExposed(holders: PlanRequest['holders']): void {
    if (this.#exposed.length === 0) return;
    const byFile = Map.groupBy(holders(this.#exposed), ({ file }) => linkKey(file));
    for (const exposed of this.#exposed) {
      const held = (byFile.get(linkKey(exposed)) ?? []).map(({ pid, command }) => `${show(command)} (pid ${pid})`);
      const who = held.length === 0 ? 'no process holds it now' : `held by ${held.join(', ')}`;
      const what = `${quoted(exposed.path)}: a process that holds it will show a path of the merge, for ${exposed.why}`;
      this.warn('PATH_MAY_SHOW', `${what}; ${who}`, exposed.path);
    }
  }

  /** A directory that something takes the place of goes with all that is in it: so nothing may come into it by another way, through a symlink. */
  refuseSwappedAway(): void {
    if (this.#swapped.size === 0) return;
    const used = new Set<number>();
    for (const { directory } of this.#plan.placements) used.add(directory);
    for (const [index, { image, target }] of this.#plan.directories.entries()) {
      if ((image !== undefined || used.has(index)) && this.isInSwapped(target))
        this.refuse('IMAGE_COLLISION', target, 'would be merged into, and replaced as well: a symlink leads there');
    }
  }
}

/** What the ledger writes tells of all else. */
const RECORDS = 7;

/** What others need comes first: whole new directories, libraries and their links, data, programs, other links, configuration. */
function rankOf({ action, type, name }: Placement, mode: number, target: Bytes): number {
  if (isWithin(target, 'etc' as Bytes)) return 6;
  if (action === 'graft' || type === 'directory') return 0;
  if (isLibrary(name)) return type === 'file' ? 1 : 2;
  if (type === 'file') return (mode & 0o111) === 0 ? 3 : 4;
  return 5;
}
