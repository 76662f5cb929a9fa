import type { Bytes } from '@emplace/syscalls';

export type Phase = 'recover' | 'plan' | 'preflight' | 'stage' | 'commit' | 'clean-up' | 'roll-back';

export type WarningCode =
  | 'SOCKET_SKIPPED'
  | 'HARDLINKS_SPLIT'
  | 'IMAGE_LINKED_ELSEWHERE'
  | 'NO_UNDO'
  | 'PATH_MAY_SHOW'
  | 'NOT_ATOMIC'
  | 'UNFINISHED_MERGE'
  | 'LEFT_BEHIND'
  | 'LOCK_COMPROMISED';

/** Something the caller should know of, though the merge goes on. */
export interface Warning {
  readonly code: WarningCode;
  readonly message: string;
  readonly path?: Bytes;
}

/** What the engine tells while it works. It never prints. */
export type MergeEvent =
  | { readonly type: 'phase'; readonly phase: Phase; readonly total: number | undefined }
  | { readonly type: 'progress'; readonly phase: Phase; readonly done: number; readonly total: number | undefined }
  | { readonly type: 'warning'; readonly warning: Warning };

export type Emit = (event: MergeEvent) => void;
