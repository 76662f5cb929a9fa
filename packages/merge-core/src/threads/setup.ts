import type { DirHandle } from '@emplace/fsprobe';
import type { DigestName } from '../ledger/digests.ts';
import type { Losable } from '../plan/carry.ts';
import type { Choice } from '../strategy/select.ts';

/** How many threads a merge works with at most, its own among them: more only wait for the disk. */
export const THREADS_MAX = 4;

/** What of a merge its threads have in common. Plain data. */
export interface Setup {
  /** Descriptors of the trees: threads of one process share them. */
  readonly image: DirHandle | undefined;
  readonly root: DirHandle;
  readonly digests: readonly DigestName[];
  readonly lossy: readonly Losable[];
  /** Of the built-in strategies. */
  readonly choice: Omit<Choice, 'registry'>;
  /** Descriptor of the memory in which each thread writes down its calls: see supervise/page.ts. undefined: nobody watches. */
  readonly page: number | undefined;
}

/** How the work of a merge is spread. Of the engine, not of its callers. */
export interface ThreadTerms {
  /** All threads, this one among them. 1: no others. */
  readonly count: number;
  /** They are started for any work at all, and waited for until they are ready: for tests, whose trees are small. */
  readonly always: boolean;
}

/** For what cannot cross into another thread, and where this process may fork while they write (G7). */
export const ALONE: ThreadTerms = { count: 1, always: false };
