import type { Holder, Stat, Timestamp } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Choice } from '../strategy/select.ts';
import type { Losable } from './carry.ts';
import { identicals } from './identicals.ts';
import type { Plan, PlannedImage } from './model.ts';
import { Placements } from './placements.ts';

/** What the caller asked for, as far as planning goes. */
export interface PlanRequest extends Choice {
  readonly transaction: string;
  /** undefined: nothing is merged, only removed. */
  readonly image: Bytes | undefined;
  readonly exclude: readonly string[];
  /** Directory and non-directory may be swapped. */
  readonly replaceTypes: boolean;
  /** Directories that the root has: left as they are, or given the image's attributes. */
  readonly directories: 'keep' | 'image';
  readonly undo: 'auto' | 'none';
  /** A mounted file: refused, or written through. */
  readonly busy: 'refuse' | 'in-place';
  /** What entries may lose where the root cannot carry it. */
  readonly lossy: readonly Losable[];
  /** A mount for a message, by its id. */
  readonly mountName: (id: number) => string;
  /** Which processes hold one of these files. */
  readonly holders: (
    files: readonly Pick<Stat, 'dev' | 'ino'>[],
  ) => readonly Pick<Holder, 'pid' | 'command' | 'file'>[];
  /** The root's own time before the lock was taken in it. */
  readonly rootTime?: Timestamp;
}

/** A plan that does nothing yet. */
export function emptyPlan(
  { transaction, keepImage, lossy, exclude }: Pick<PlanRequest, 'transaction' | 'keepImage' | 'lossy' | 'exclude'>,
  image: PlannedImage | undefined,
  masked: ReadonlySet<Bytes>,
): Plan {
  return {
    transaction,
    image,
    keepImage,
    lossy,
    exclude,
    masked,
    directories: [],
    placements: new Placements(),
    identical: identicals(),
    removals: [],
    locks: [],
    records: [],
    protected: [],
    sites: [],
    lost: [],
    counts: { created: 0, replaced: 0, identical: 0, grafted: 0, skipped: 0, removed: 0 },
    bytes: 0,
    warnings: [],
    problems: [],
  };
}
