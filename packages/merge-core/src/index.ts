export type { DirHandle, EntryType, FileHandle, FsPort, Named, Space, Stat, Timestamp, Xattrs } from '@emplace/fsprobe';
export { linuxPort } from '@emplace/fsprobe';
export { listConfigUpdates } from './config-updates/list.ts';
export {
  conflictsIn,
  hasMarks,
  type MergePiece,
  type MergeSide,
  markedConflict,
  mergedText,
  mergeTexts,
} from './config-updates/merge-texts.ts';
export type {
  ChosenUpdate,
  ConfigOptions,
  ConfigUpdateList,
  Difference,
  PendingFile,
  PendingUpdate,
} from './config-updates/model.ts';
export { allConfigUpdates, selectConfigUpdates } from './config-updates/select.ts';
export {
  type ConfigAction,
  type ConfigDecision,
  type SettledUpdate,
  type SettleReport,
  settleConfigUpdates,
} from './config-updates/settle.ts';
export { type ConfigTexts, readConfigTexts } from './config-updates/texts.ts';
export { type DiffHunk, unifiedDiff } from './config-updates/unified.ts';
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
export type { DatabaseOptions } from './ledger/asked-database.ts';
export { type DigestName, digestNames } from './ledger/digests.ts';
export { type OwnedPath, type OwnersOptions, type OwnersReport, owners } from './ledger/owner-of.ts';
export { type Owners, type OwnersIndex, openOwners } from './ledger/owners.ts';
export { type PackageName, parsePackageName } from './ledger/package-name.ts';
export type { LedgerReport, PathVerdict } from './ledger/package-plan.ts';
export {
  type CollisionPolicy,
  collisionPolicies,
  type PackageOptions,
  type PathText,
} from './ledger/package-request.ts';
export { portageVariables } from './ledger/portage-config.ts';
export { REQUEST_BYTES_MAX, type RequestDocument, readRequest, requestJsonSchema } from './ledger/request-document.ts';
export type { UnmergeReason } from './ledger/unmerge-model.ts';
export { Vdb, type VdbDirectory, type VdbEntry } from './ledger/vdb.ts';
export { lockSlot, lockVdb, type VdbLock } from './ledger/vdb-locks.ts';
export { type VdbOwnerOptions, vdbOwners } from './ledger/vdb-owner-finder.ts';
export type { FindingKind, VerifyCounts } from './ledger/verify.ts';
export type { PathFinding, VerifiedPackage } from './ledger/verify-collector.ts';
export { type VerifyPackagesOptions, type VerifyReport, verify } from './ledger/verify-packages.ts';
export type { MergeOptions, RecoverOptions, RootOptions, UnmergeOptions } from './options.ts';
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
  Protected,
  Removal,
  UndoKind,
} from './plan/model.ts';
export type { StrategyVerdict } from './probe/choice.ts';
export { type ProbeOptions, type ProbeReport, probe } from './probe.ts';
export type { MergeReport, RecoverReport, SiteReport } from './report.ts';
export { merge, mergeSync, recover, recoverSync, unmerge, unmergeSync } from './run.ts';
export { transactionOf } from './staged-names.ts';
export type { Name, Strategy, StrategyTraits } from './strategy/strategy.ts';
export { type StartedMover, startMoverAhead } from './supervise/start-ahead.ts';
