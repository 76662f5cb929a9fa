import type { Bytes } from '@emplace/syscalls';
import type { ErrorCode } from '../errors.ts';
import { quoted } from '../errors.ts';
import type { WarningCode } from '../events.ts';
import { isWithin, join } from '../paths.ts';
import { HardLinks } from './hard-links.ts';
import type { Identical, Placement, Plan, PlannedDirectory } from './model.ts';
import { isLibrary } from './undo-kind.ts';

/** What others need comes first: whole new directories, libraries and their links, data, programs, other links, configuration. */
const RANKS = 7;

/** A plan while it is written down. */
export class Draft {
  readonly links: HardLinks = new HardLinks();
  /** Directories of the root that more than one directory of the image leads to, through symlinks there. */
  readonly aliased: Set<Bytes> = new Set();
  readonly #plan: Plan;
  readonly #identical = new Set<Identical>();
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
    if (placement.action === 'replace' || placement.action === 'swap') counts.replaced++;
    else counts.created++;
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
