import { type DirHandle, type FsPort, isServed } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { loadAnnounce } from './announce.ts';
import { checkTree } from './answering.ts';
import { preview } from './dry-run.ts';
import { MergeError } from './errors.ts';
import type { HookRunner } from './hooks/runner.ts';
import { interrupted } from './interrupted.ts';
import { type LockTerms, lockRoot, type RootLock } from './lock.ts';
import { mergeLocked } from './merge.ts';
import type { MergeRequest, RecoverOrder } from './options.ts';
import { type LockPolicy, patienceOf } from './patience.ts';
import { isBegun, NOTHING, recoverLocked } from './recovery.ts';
import type { MergeReport } from './report.ts';
import { type Driver, runAsync } from './steps.ts';
import { ALONE } from './threads/setup.ts';
import type { ChangedPath } from './transaction/changed-paths.ts';
import type { Recovery } from './transaction/recover.ts';
import { openRootAlone, openTrees, pathsOf } from './trees.ts';

/** How a merge in this process is driven. */
export interface Here extends LockPolicy {
  readonly stallTimeoutMs: number;
  readonly hooks: HookRunner;
}

/** In this process, with pauses in which timers and signals run. */
export async function mergeHere(request: MergeRequest, how: Here): Promise<MergeReport> {
  const { fs } = request;
  // A dry run writes nothing, not even to find that out.
  if (!request.dryRun) for (const tree of pathsOf(request)) checkTree(tree, fs, how.stallTimeoutMs);
  using trees = openTrees(request);
  const { signal } = how;
  let changes: ChangedPath[] = [];
  const driver: Driver = { signal, stop: interrupted, runHooks: (phase) => how.hooks.run(phase, changes) };
  if (request.dryRun) return await runAsync(preview(request, trees), driver);
  using lock = await lockHere(trees.root, request.root, fs, how);
  const changing = (paths: Iterable<ChangedPath>): void => {
    changes = [...paths];
  };
  // Who called us may fork whenever the event loop turns: no thread may have a file open for writing then (G7).
  return await runAsync(mergeLocked({ ...request, changing, threads: ALONE }, trees, lock), driver);
}

/** The same for a recovery. */
export async function recoverHere(request: RecoverOrder, how: Here): Promise<Recovery> {
  const { fs } = request;
  checkTree(request.root, fs, how.stallTimeoutMs);
  using tree = openRootAlone(request.root, fs);
  if (!isBegun(tree.root, fs)) return NOTHING;
  using lock = await lockHere(tree.root, request.root, fs, how);
  // A recovery is not stopped: it can be killed, and run again.
  const driver: Driver = { signal: undefined, stop: interrupted, runHooks: async () => {} };
  return await runAsync(recoverLocked(request, tree.root, lock), driver);
}

/** @throws MergeError LOCKED, INTERRUPTED, and what lockRoot throws */
async function lockHere(root: DirHandle, path: Bytes, fs: FsPort, how: Here): Promise<RootLock> {
  const wait = patienceOf(how);
  // Its timer would go on touching a file system that may stop answering, and keep this process from ending. Asked of the
  // list of mounts, not of the root.
  const isShown = fs.pathOf !== undefined && !isServed(path);
  const terms: LockTerms = { emit: how.emit, ...(isShown && { announce: await loadAnnounce() }) };
  for (;;) {
    try {
      return lockRoot(root, fs, terms);
    } catch (error) {
      if (!(error instanceof MergeError) || error.code !== 'LOCKED') throw error;
      await wait(error);
    }
  }
}
