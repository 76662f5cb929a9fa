export type { DirHandle, EntryType, FileHandle, FsPort, Named, Space, Stat, Timestamp, Xattrs } from '@emplace/fsprobe';
export { linuxPort } from '@emplace/fsprobe';
export { type ErrorCode, errorCodes, type FailedOutcome, MergeError, type Problem } from './errors.ts';
export type { Emit, MergeEvent, Phase, Warning, WarningCode } from './events.ts';
export { readHooks } from './hooks/directory.ts';
export type { Ending } from './hooks/ending.ts';
export type { HookFacts } from './hooks/environment.ts';
export type { Ended } from './hooks/follow.ts';
export { type Change, type Changes, commandHook, type Hook, type Operation, type Trigger } from './hooks/hook.ts';
export type { Output } from './hooks/output.ts';
export type { Rlimits } from './hooks/rlimits.ts';
export { type HookReport, type HookResult, type HookSettings, runHooks } from './hooks/run-hooks.ts';
export { type Blame, SpawnError } from './hooks/spawn-error.ts';
export { type ProgramSpec, type Started, spawnProgram } from './hooks/spawn-program.ts';
export { probeLeaks } from './leaks.ts';
export type { MergeOptions, RecoverOptions, RootOptions } from './options.ts';
export { showPath } from './paths.ts';
export { type Losable, losable } from './plan/carry.ts';
export type {
  Attributes,
  Counts,
  Identical,
  Lost,
  Placement,
  Plan,
  PlannedDirectory,
  PlannedSite,
  UndoKind,
} from './plan/model.ts';
export type { StrategyVerdict } from './probe/choice.ts';
export { type ProbeOptions, type ProbeReport, probe } from './probe.ts';
export type { MergeReport, RecoverReport, SiteReport } from './report.ts';
export { merge, mergeSync, recover, recoverSync } from './run.ts';
export { transactionOf } from './staged-names.ts';
export type { Name, Strategy, StrategyTraits } from './strategy/strategy.ts';
