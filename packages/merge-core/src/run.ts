import { isServed } from '@emplace/fsprobe';
import { loadAnnounce } from './announce.ts';
import { checkTree } from './answering.ts';
import { MergeError } from './errors.ts';
import type { MergeEvent, Warning } from './events.ts';
import { type HookRunner, hookRunner } from './hooks/runner.ts';
import { interrupted } from './interrupted.ts';
import {
  collectWarnings,
  mergeLocked,
  mergeSteps,
  openRecovered,
  openTrees,
  preview,
  recoverLocked,
  recoverReport,
  recoverSteps,
} from './merge.ts';
import {
  absolute,
  type MergeOptions,
  type MergeRequest,
  mergeRequest,
  type RecoverOptions,
  type RecoverOrder,
  type RootOptions,
  recoverOrder,
} from './options.ts';
import type { MergeReport, RecoverReport } from './report.ts';
import { type Driver, runAsync, runSync } from './steps.ts';
import { type Supervision, superviseMerge, superviseRecover } from './supervise/supervisor.ts';
import { waitForLock } from './supervise/wait-for-lock.ts';
import type { ChangedPath } from './transaction/changed-paths.ts';
import type { Recovery } from './transaction/recover.ts';

/**
 * Puts an image tree onto a root: all of it, or nothing of it.
 *
 * @throws MergeError; its `outcome` says what the root holds, its `code` why.
 */
export async function merge(options: MergeOptions): Promise<MergeReport> {
  const listener = listen(options);
  const asked = mergeRequest({ ...options, onEvent: listener.onEvent });
  const { warnings, emit } = collectWarnings(asked.emit);
  const { signal } = listener;
  const hooks = hookRunner(options.hooks ?? [], { ...asked, emit }, { ...options.hookSettings, signal });
  const request = { ...asked, hooks: hooks.phases };
  const how = { ...(await supervision(options)), signal, hooks, emit };
  const here = request.dryRun || staysInProcess(options);
  try {
    const report = await (here ? mergeHere(request, how) : superviseMerge(request, how));
    const ran = hooks.phases.length === 0 ? {} : { hooks: hooks.reports };
    return { ...report, ...ran, warnings: [...report.warnings, ...warnings, ...listener.warnings] };
  } catch (error) {
    throw listener.explain(error);
  }
}

/** {@link merge} without a pause: for callers that isolate it themselves. `signal` has no effect. */
export function mergeSync(options: MergeOptions): MergeReport {
  if (options.hooks !== undefined && options.hooks.length > 0)
    throw new MergeError('BAD_OPTION', 'hooks run beside a merge: `mergeSync` cannot wait for them');
  return runSync(mergeSteps(mergeRequest(options)));
}

/** Finishes what a stopped merge left. @throws MergeError */
export async function recover(options: RecoverOptions): Promise<RecoverReport> {
  const request = recoverOrder(options);
  const { warnings, emit } = collectWarnings(request.emit);
  const how = { ...(await supervision(options)), hooks: noHooks, emit };
  const order = { ...request, emit };
  return recoverReport(
    await (staysInProcess(options) ? recoverHere(order, how) : superviseRecover(order, how)),
    warnings,
  );
}

/** {@link recover} without a pause. */
export function recoverSync(options: RecoverOptions): RecoverReport {
  return runSync(recoverSteps(recoverOrder(options)));
}

/** Who listens to a merge, kept from doing harm: what a handler throws stops the merge like a signal, and is told in the end. */
function listen({ onEvent = () => {}, signal }: MergeOptions) {
  const stop = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  const why = (): string => `a handler of events failed: ${String(failure?.error)}`;
  return {
    signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
    onEvent: (event: MergeEvent): void => {
      if (failure !== undefined) return;
      try {
        onEvent(event);
      } catch (error) {
        failure = { error };
        stop.abort();
      }
    },
    get warnings(): Warning[] {
      return failure === undefined ? [] : [{ code: 'LISTENER_FAILED', message: why() }];
    },
    explain(error: unknown): unknown {
      if (failure === undefined || !(error instanceof MergeError) || error.code !== 'INTERRUPTED') return error;
      return new MergeError('INTERRUPTED', why(), { outcome: error.outcome, cause: failure.error });
    },
  };
}

/** In this process, with pauses in which timers and signals run. */
async function mergeHere(request: MergeRequest, how: Supervision): Promise<MergeReport> {
  const { fs } = request;
  // A dry run writes nothing, not even to find that out.
  if (!request.dryRun) for (const tree of [request.root, request.image]) checkTree(tree, fs, how.stallTimeoutMs);
  using trees = openTrees(request);
  const { signal } = how;
  let changes: ChangedPath[] = [];
  const driver: Driver = { signal, stop: interrupted, runHooks: (phase) => how.hooks.run(phase, changes) };
  if (request.dryRun) return await runAsync(preview(request, trees), driver);
  using lock = await waitForLock(trees.root, fs, how);
  const changing = (paths: Iterable<ChangedPath>): void => {
    changes = [...paths];
  };
  return await runAsync(mergeLocked({ ...request, changing }, trees, lock), driver);
}

async function recoverHere(request: RecoverOrder, how: Supervision): Promise<Recovery> {
  checkTree(request.root, request.fs, how.stallTimeoutMs);
  using tree = openRecovered(request);
  if (tree === undefined) return { transaction: undefined, tree: 'none' };
  using lock = await waitForLock(tree.root, request.fs, how);
  // A recovery is not stopped: it can be killed, and run again.
  const driver: Driver = { signal: undefined, stop: interrupted, runHooks: async () => {} };
  return await runAsync(recoverLocked(request, tree.root, lock), driver);
}

const noHooks: HookRunner = { phases: [], reports: [], begun: new Set(), run: async () => {} };

/** What is a function of the caller's cannot cross into another process. */
function staysInProcess({
  inProcess,
  fs,
  strategies,
  facts,
}: MergeOptions | (RecoverOptions & Partial<MergeOptions>)): boolean {
  return inProcess === true || fs !== undefined || strategies !== undefined || facts !== undefined;
}

const STALL_MS = 60_000;
/** Node loads for a tenth of a second; on a machine under load for some. */
const HANDSHAKE_MS = 30_000;

/** @throws MergeError BAD_OPTION */
function checkMs(name: string, ms: number, least: number): number {
  if (ms >= least && ms <= 2 ** 31 - 1) return ms;
  throw new MergeError('BAD_OPTION', `\`${name}\` is ${ms}: it has to be ${least} to ${2 ** 31 - 1} ms`);
}

async function supervision(options: RootOptions): Promise<Omit<Supervision, 'hooks' | 'emit'>> {
  return {
    signal: options.signal,
    // Its timer would go on touching a file system that may stop answering, and keep this process from ending. Asked of the
    // list of mounts, not of the root.
    announce: isServed(absolute(options.root, 'root')) ? () => () => {} : await loadAnnounce(),
    stallTimeoutMs: checkMs('stallTimeoutMs', options.stallTimeoutMs ?? STALL_MS, 1),
    lockTimeoutMs: checkMs('lockTimeoutMs', options.lockTimeoutMs ?? 0, 0),
    handshakeMs: HANDSHAKE_MS,
  };
}
