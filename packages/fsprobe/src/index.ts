export { howItEnded } from './child/how-it-ended.ts';
export { eachLine } from './child/lines.ts';
export { type Fact, type Instead, notMeasured } from './facts/fact.ts';
export { isOfOne } from './facts/one-file-system.ts';
export { type LinuxFactName, type ProbedSite, type ProbeWatch, probeSite } from './facts/probe-site.ts';
export { askSite, type FactName, factNames, type SiteFacts } from './facts/site-facts.ts';
export { removeStaleBench } from './facts/stale-bench.ts';
export { type Left, Workbench } from './facts/workbench.ts';
export { filesystemName, mayNeverAnswer } from './filesystem.ts';
export { linuxPort } from './fs/linux.ts';
export type { DirHandle, EntryType, FileHandle, FsPort, Named, Space, Stat, Timestamp, Xattrs } from './fs/port.ts';
export { restoreTime } from './fs/restore-time.ts';
export { ignoring } from './ignoring.ts';
export { probeLeak } from './leaks/probe-leak.ts';
export type { Leak, LeakReport, Spot, Unmeasured, Verdict } from './leaks/report.ts';
export type { Way } from './leaks/ways.ts';
export { type Settled, type SettledBy, settle } from './leases/settle.ts';
export { type Writers, writersOf } from './leases/writers.ts';
export { type Boundaries, boundariesUnder } from './mounts/boundaries.ts';
export type { Boundary, MountBoundary, SubvolumeBoundary } from './mounts/boundary.ts';
export { type Crossing, crossings } from './mounts/crossings.ts';
export { type Mount, type Mountinfo, parseMountinfo } from './mounts/mountinfo.ts';
export { MountsUnreadableError, readMounts } from './mounts/read-mounts.ts';
export { isServed } from './mounts/served.ts';
export { type Holder, type Holders, holdersOf } from './processes/holders.ts';
export { ProcUnavailableError } from './processes/proc.ts';
export { probeRename, probeRenameSync, type RenameProbeOptions } from './rename-shapes/probe-rename.ts';
export { type RenameShapes, type ShapeName, type ShapeVerdict, shapeNames } from './rename-shapes/shapes.ts';
export { silenceAt } from './rename-shapes/silence.ts';
export { lastingThreadState, type ThreadState, threadState } from './rename-shapes/thread-state.ts';
export { canRenameDirectories, describeSite, onOneMount, type Place, type Site, siteKey } from './site.ts';
export {
  type Finding,
  type OwnerFinder,
  type ScanCounts,
  type ScannedProcess,
  type ScanOptions,
  type ScanReport,
  type Service,
  type StaleClass,
  staleClasses,
} from './stale/model.ts';
export { ownerFinders } from './stale/owners/finders.ts';
export { scan } from './stale/scan.ts';
