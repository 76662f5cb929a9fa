import type { Stat } from '@emplace/fsprobe';
import { type Bytes, show } from '@emplace/syscalls';
import type { ErrorCode } from '../errors.ts';
import { quoted } from '../errors.ts';
import type { WarningCode } from '../events.ts';
import { isWithin, join } from '../paths.ts';
import type { Losable } from './carry.ts';
import { HardLinks, linkKey } from './hard-links.ts';
import type { Identical, Placement, Plan, PlannedDirectory } from './model.ts';
import type { PlanRequest } from './request.ts';
import { isLibrary } from './undo-kind.ts';

/** What others need comes first: whole new directories, libraries and their links, data, programs, other links, configuration. */
const RANKS = 7;

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
  readonly #plan: Plan;
  readonly #identical = new Set<Identical>();
  readonly #exposed: Exposed[] = [];
  readonly #byRank: Placement[][] = Array.from({ length: RANKS }, () => []);

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** @returns its index. */
  addDirectory(directory: PlannedDirectory): number {
    return this.#plan.directories.push(directory) - 1;
  }

  place(placement: Placement, mode: number): Placement {
    const { counts } = this.#plan;
    if (placement.old === undefined) counts.created++;
    else counts.replaced++;
    counts.created += placement.entries - 1;
    if (placement.action === 'graft') counts.grafted++;
    this.#plan.bytes += placement.size;
    this.#byRank[rankOf(placement, mode, this.targetOf(placement))]?.push(placement);
    return placement;
  }

  leave(identical: Identical): Identical {
    this.#plan.counts.identical++;
    this.#identical.add(identical);
    return identical;
  }

  /** An identical entry that must be placed after all. */
  unleave(identical: Identical): void {
    this.#plan.counts.identical--;
    this.#identical.delete(identical);
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
    this.#plan.problems.push({ code, path, message: `${quoted(path)} ${what}` });
  }

  targetOf({ directory, name }: Pick<Placement, 'directory' | 'name'>): Bytes {
    return join(this.#plan.directories[directory]?.target ?? ('' as Bytes), name);
  }

  /** Two directories of the image that lead to one of the root must not bring the same name twice. */
  findCollisions(): void {
    if (this.aliased.size === 0) return;
    const seen = new Set<Bytes>();
    for (const entry of [...this.#byRank.flat(), ...this.#identical]) {
      if (!this.aliased.has(this.#plan.directories[entry.directory]?.target ?? ('' as Bytes))) continue;
      const target = this.targetOf(entry);
      if (seen.has(target))
        this.refuse('IMAGE_COLLISION', target, 'would be placed twice: two directories of the image lead there');
      seen.add(target);
    }
    for (const { action, target } of this.#plan.directories) {
      if (action === 'make' && seen.has(target))
        this.refuse('IMAGE_COLLISION', target, 'would be placed twice: two directories of the image lead there');
    }
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

  /** Hands the entries over to the plan, placements in the order of the commit. */
  finish(): void {
    for (const ranked of this.#byRank) for (const placement of ranked) this.#plan.placements.push(placement);
    for (const identical of this.#identical) this.#plan.identical.push(identical);
  }
}

function rankOf({ action, type, name }: Placement, mode: number, target: Bytes): number {
  if (isWithin(target, 'etc' as Bytes)) return 6;
  if (action === 'graft' || type === 'directory') return 0;
  if (isLibrary(name)) return type === 'file' ? 1 : 2;
  if (type === 'file') return (mode & 0o111) === 0 ? 3 : 4;
  return 5;
}
