import type { Bytes } from '@emplace/syscalls';
import type { HookReport } from './hooks/run-hooks.ts';
import type { MergeReport } from './report.ts';
import type { HookPhase } from './steps.ts';

export type Phase = 'recover' | 'plan' | 'preflight' | 'read' | 'stage' | 'commit' | 'clean-up' | 'roll-back';

export type WarningCode =
  | 'SOCKET_SKIPPED'
  | 'HARDLINKS_SPLIT'
  | 'IMAGE_LINKED_ELSEWHERE'
  | 'NO_UNDO'
  | 'PATH_MAY_SHOW'
  | 'NOT_ATOMIC'
  | 'OVERWRITTEN'
  | 'NOT_MEASURED'
  | 'COMPLETED_BY_RECOVERY'
  | 'HOOK_FAILED'
  | 'LISTENER_FAILED'
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
  | { readonly type: 'warning'; readonly warning: Warning }
  /** What will be done, once it was measured that it can. */
  | { readonly type: 'planned'; readonly planned: Omit<MergeReport, 'outcome'> }
  /** The process that works, once it does: to suspend it with us. */
  | { readonly type: 'mover'; readonly pid: number }
  /** A call or another merge keeps us waiting: told about once a second. */
  | { readonly type: 'waiting'; readonly waiting: Waiting }
  | { readonly type: 'hook-started'; readonly phase: HookPhase; readonly hook: Bytes; readonly pid: number }
  /** A line that a hook wrote, without its end: any bytes. */
  | {
      readonly type: 'hook-said';
      readonly phase: HookPhase;
      readonly hook: Bytes;
      readonly from: 'stdout' | 'stderr';
      readonly line: Bytes;
    }
  | { readonly type: 'hook-ended'; readonly report: HookReport };

/** What a merge waits for. */
interface Waiting {
  /** For people: ``rename `a` → `b` on fuse``, or who holds the lock. */
  readonly what: string;
  readonly ms: number;
}

export type Emit = (event: MergeEvent) => void;

/** Warnings are both told at once and kept for the report. */
export function collectWarnings(emit: Emit): { warnings: Warning[]; emit: Emit } {
  const warnings: Warning[] = [];
  return {
    warnings,
    emit: (event) => {
      if (event.type === 'warning') warnings.push(event.warning);
      emit(event);
    },
  };
}
