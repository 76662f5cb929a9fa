import type { Bytes } from '@emplace/syscalls';
import type { Timestamp } from '../fs/port.ts';
import type { Choice } from '../strategy/select.ts';
import type { Plan } from './model.ts';

/** What the caller asked for, as far as planning goes. */
export interface PlanRequest extends Choice {
  readonly transaction: string;
  readonly image: Bytes;
  readonly exclude: readonly string[];
  /** Directory and non-directory may be swapped. */
  readonly replaceTypes: boolean;
  /** Directories that the root has: left as they are, or given the image's attributes. */
  readonly directories: 'keep' | 'image';
  readonly undo: 'auto' | 'none';
  /** The root's own time before the lock was taken in it. */
  readonly rootTime?: Timestamp;
}

/** A plan that does nothing yet. */
export function emptyPlan({ transaction, image, keepImage, exclude }: PlanRequest, imageId: string): Plan {
  return {
    transaction,
    image,
    imageId,
    keepImage,
    exclude,
    directories: [],
    placements: [],
    identical: [],
    counts: { created: 0, replaced: 0, identical: 0, grafted: 0, skipped: 0 },
    bytes: 0,
    warnings: [],
    problems: [],
  };
}
