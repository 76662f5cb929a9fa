import { ascii, type Bytes, show } from '@emplace/syscalls';
import { MergeError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { HookPhase } from '../steps.ts';
import { environmentOf, type HookFacts } from './environment.ts';
import type { Ended } from './follow.ts';
import type { Changes, Hook } from './hook.ts';
import { dueHooks, targetsOf } from './match.ts';
import { SpawnError } from './spawn-error.ts';
import { type ProgramSpec, type Started, spawnProgram } from './spawn-program.ts';

export interface HookSettings
  extends Pick<ProgramSpec, 'session' | 'rlimits' | 'graceMs' | 'outputBytesMax' | 'busyMs' | 'signal'> {
  /** Give hooks a small fixed environment instead of ours. Default false. */
  readonly cleanEnv?: boolean;
}

/** What became of a hook that was due. */
export type HookResult =
  | Ended
  /** Nothing of it ran. */
  | { readonly how: 'not-started'; readonly error: SpawnError }
  /** The merge was being stopped before its turn came. */
  | { readonly how: 'skipped' };

export interface HookReport {
  readonly hook: Bytes;
  readonly phase: HookPhase;
  readonly result: HookResult;
  readonly ms: number;
}

/** One phase of one merge. */
interface Round {
  readonly phase: HookPhase;
  readonly facts: HookFacts;
  readonly changes: Changes;
  readonly emit: Emit;
  readonly settings: HookSettings;
}

const SHELL: readonly Bytes[] = [ascii('/bin/sh'), ascii('-c')];

/**
 * Runs the hooks of a phase that have something to do, one after the other. Nothing is chrooted.
 *
 * Before the commit point the first failure of a hook that may abort ends it. After it, and for the others, failures
 * are warnings, and what did run is in the reports.
 * @param changes what the merge changes; read several times
 * @throws MergeError HOOK_NOT_STARTED, HOOK_FAILED; INTERRUPTED when `settings.signal` stopped one before the commit
 *   point. What the root holds is for the caller to say (`outcome`)
 */
export async function runHooks(
  phase: HookPhase,
  hooks: readonly Hook[],
  facts: HookFacts,
  changes: Changes,
  emit: Emit,
  settings: HookSettings = {},
): Promise<HookReport[]> {
  checkRepeatable(changes);
  const due = await dueHooks(
    hooks.filter((hook) => hook.phase === phase),
    changes,
  );
  const round: Round = { phase, facts, changes, emit, settings };
  const reports: HookReport[] = [];
  for (const hook of due) {
    const report = await runHook(hook, round);
    reports.push(report);
    emit({ type: 'hook-ended', report });
    const error = failureOf(report);
    if (error === undefined) continue;
    if (phase.startsWith('pre-') && (hook.abortOnFail || error.code === 'INTERRUPTED')) throw error;
    emit({ type: 'warning', warning: { code: 'HOOK_FAILED', message: error.message } });
  }
  return reports;
}

/** A generator would be empty the second time, and hooks would not run in silence. */
function checkRepeatable(changes: Changes): void {
  const again = Symbol.asyncIterator in changes ? changes[Symbol.asyncIterator]() : changes[Symbol.iterator]();
  if ((again as unknown) === changes) throw new Error('bug: the changes can be read only once');
}

async function runHook(hook: Hook, round: Round): Promise<HookReport> {
  const begun = performance.now();
  const result = await resultOf(hook, round);
  return { hook: hook.name, phase: round.phase, result, ms: performance.now() - begun };
}

async function resultOf(hook: Hook, round: Round): Promise<HookResult> {
  if (round.settings.signal?.aborted) return { how: 'skipped' };
  let started: Started;
  try {
    started = await spawnProgram(specOf(hook, round));
  } catch (error) {
    if (error instanceof SpawnError) return { how: 'not-started', error };
    if (round.settings.signal?.aborted) return { how: 'skipped' };
    throw error;
  }
  round.emit({ type: 'hook-started', phase: round.phase, hook: hook.name, pid: started.pid });
  return await started.ended;
}

function specOf(hook: Hook, { phase, facts, changes, emit, settings }: Round): ProgramSpec {
  const { cleanEnv = false, ...passed } = settings;
  return {
    ...passed,
    argv: 'argv' in hook.run ? hook.run.argv : [...SHELL, hook.run.command],
    cwd: facts.root,
    env: environmentOf(hook, phase, facts, cleanEnv),
    timeoutMs: hook.timeoutMs,
    onLine: (line, from) => emit({ type: 'hook-said', phase, hook: hook.name, from, line }),
    ...(hook.needsTargets && { stdin: targetsOf(hook, changes) }),
    ...(facts.isFresh && { isFresh: facts.isFresh }),
  };
}

/** The error that a result is, with the last line that the hook wrote; undefined for success. */
function failureOf({ hook, phase, result }: HookReport): MergeError | undefined {
  if (result.how === 'exited' && result.code === 0) return undefined;
  const which = `the ${phase} hook \`${show(hook)}\``;
  if (result.how === 'not-started')
    return new MergeError('HOOK_NOT_STARTED', `${which} could not be started: ${result.error.message}`, {
      cause: result.error,
    });
  if (result.how === 'skipped') return new MergeError('INTERRUPTED', `${which} was not started any more`);
  const lines = result.output.bytes.split('\n').filter((line) => line.trim() !== '');
  const said = lines.length === 0 ? '' : `: ${show(lines.at(-1) as Bytes)}`;
  const code = result.how === 'stopped' ? 'INTERRUPTED' : 'HOOK_FAILED';
  return new MergeError(code, `${which} ${wording(result)}${said}`);
}

function wording(ended: Ended): string {
  switch (ended.how) {
    case 'exited':
      return `failed with exit code ${ended.code}`;
    case 'signalled':
      return `was ended by ${ended.signal}`;
    case 'timed-out':
    case 'stopped': {
      const why = ended.how === 'stopped' ? 'was stopped' : 'took too long';
      return ended.needed === 'more'
        ? `${why}, and not even SIGKILL ended it`
        : `${why} and was ended by ${ended.needed}`;
    }
    default:
      return ended satisfies never;
  }
}
