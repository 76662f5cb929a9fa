import type { Bytes } from '@emplace/syscalls';
import type { Losable } from '../plan/carry.ts';
import type {
  Identical,
  Placement,
  PlannedDirectory,
  PlannedImage,
  PlannedSite,
  Removal,
  UndoKind,
} from '../plan/model.ts';

/** What staging decided of one placement beyond the plan. */
export interface StagedFact {
  /** Index of the placement. */
  readonly index: number;
  /** Inode that will be placed. */
  readonly ino: bigint;
  readonly staging: Placement['staging'];
  readonly undo: UndoKind;
}

/** The head of a journal. */
export interface Begin {
  readonly type: 'begin';
  readonly version: 2;
  readonly transaction: string;
  readonly image: PlannedImage | undefined;
  readonly keepImage: boolean;
  readonly lossy: readonly Losable[];
  readonly exclude: readonly string[];
}

/** Where facts are measured, before anything is staged. */
export interface SiteRecord {
  readonly type: 'site';
  readonly image: PlannedSite['image'];
  readonly target: Bytes;
}

/** All that a journal can say, in the order in which it says it. */
export type JournalRecord =
  | Begin
  | { readonly type: 'directory'; readonly directory: PlannedDirectory }
  | { readonly type: 'placement'; readonly placement: Placement }
  | { readonly type: 'identical'; readonly identical: Identical }
  | { readonly type: 'removal'; readonly removal: Removal }
  | { readonly type: 'masked'; readonly path: Bytes }
  | { readonly type: 'lock'; readonly path: Bytes }
  | SiteRecord
  /** (J1) The plan is whole; before this record there is no journal. */
  | { readonly type: 'planned' }
  /** (J3) Everything is staged and durable: the commit point. `kept`: how each removal is kept, in their order. */
  | { readonly type: 'commit'; readonly staged: Iterable<StagedFact>; readonly kept: readonly Removal['undo'][] }
  /** (J5) Everything is placed and durable: undo may go. */
  | { readonly type: 'placed' }
  /** (J6) After the commit point somebody decided for the old tree. */
  | { readonly type: 'rollback' };
