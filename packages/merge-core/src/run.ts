import { MergeError } from './errors.ts';
import { collectWarnings, type MergeEvent, type Warning } from './events.ts';
import { type HookRunner, hookRunner } from './hooks/runner.ts';
import { mergeHere, recoverHere } from './in-process.ts';
import { mergeSteps } from './merge.ts';
import {
  type MergeOptions,
  type MergeRequest,
  mergeRequest,
  type RecoverOptions,
  type RootOptions,
  recoverOrder,
  type UnmergeOptions,
  unmergeRequest,
} from './options.ts';

import { recoverReport, recoverSteps } from './recovery.ts';
import type { MergeReport, RecoverReport } from './report.ts';
import { runSync } from './steps.ts';
import type { Supervision } from './supervise/crew.ts';
import { superviseMerge, superviseRecover } from './supervise/supervisor.ts';

type RunOptions = Omit<MergeOptions, 'image' | 'ledger'>;

/**
 * Puts an image tree onto a root: all of it, or nothing of it.
 *
 * @throws MergeError; its `outcome` says what the root holds, its `code` why.
 */
export async function merge(options: MergeOptions): Promise<MergeReport> {
  return await run(options, mergeRequest);
}

async function run<T extends RunOptions>(options: T, check: (options: T) => MergeRequest): Promise<MergeReport> {
  const listener = listen(options);
  const asked = check({ ...options, onEvent: listener.onEvent });
  const { warnings, emit } = collectWarnings(asked.emit);
  const { signal } = listener;
  const hooks = hookRunner(options.hooks ?? [], { ...asked, emit }, { ...options.hookSettings, signal });
  const request = { ...asked, hooks: hooks.phases };
  const how: Supervision = { ...supervision(options), signal, hooks, emit };
  const here = request.dryRun || staysInProcess(options);
  try {
    const report = await (here ? mergeHere(request, how) : superviseMerge(request, how));
    const ran = hooks.phases.length === 0 ? {} : { hooks: hooks.reports };
    return { ...report, ...ran, warnings: [...report.warnings, ...warnings, ...listener.warnings] };
  } catch (error) {
    throw listener.explain(error);
  }
}

/**
 * Takes a package out of the root, in one transaction with its database entry.
 *
 * @throws MergeError as {@link merge} does
 */
export async function unmerge(options: UnmergeOptions): Promise<MergeReport> {
  return await run(options, unmergeRequest);
}

/** {@link unmerge} without a pause. */
export function unmergeSync(options: UnmergeOptions): MergeReport {
  refuseHooks(options);
  return runSync(mergeSteps(unmergeRequest(options)));
}

/** {@link merge} without a pause: for callers that isolate it themselves. `signal` has no effect. */
export function mergeSync(options: MergeOptions): MergeReport {
  refuseHooks(options);
  return runSync(mergeSteps(mergeRequest(options)));
}

function refuseHooks({ hooks }: Pick<MergeOptions, 'hooks'>): void {
  if (hooks !== undefined && hooks.length > 0)
    throw new MergeError('BAD_OPTION', 'hooks run beside a merge: a call that does not wait cannot run them');
}

/** Finishes what a stopped merge left. @throws MergeError */
export async function recover(options: RecoverOptions): Promise<RecoverReport> {
  const request = recoverOrder(options);
  const { warnings, emit } = collectWarnings(request.emit);
  const how = { ...supervision(options), hooks: noHooks, emit };
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
function listen({ onEvent = () => {}, signal }: RunOptions) {
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

function supervision(options: RootOptions): Omit<Supervision, 'hooks' | 'emit'> {
  return {
    signal: options.signal,
    stallTimeoutMs: checkMs('stallTimeoutMs', options.stallTimeoutMs ?? STALL_MS, 1),
    lockTimeoutMs: checkMs('lockTimeoutMs', options.lockTimeoutMs ?? 0, 0),
    handshakeMs: HANDSHAKE_MS,
    mover: options.mover,
  };
}
