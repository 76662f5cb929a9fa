import {
  isServed,
  type LeakReport,
  linuxPort,
  type ProbedSite,
  probeRename,
  type RenameShapes,
  type ShapeName,
  type ShapeVerdict,
  shapeNames,
} from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { silenceIn } from './answering.ts';
import { explain, quoted } from './errors.ts';
import { absolute } from './options.ts';
import { askApart, type Unanswered } from './probe/ask-apart.ts';
import { type Choice, choose, type StrategyVerdict } from './probe/choice.ts';
import { type Answers, ask, type Questions, type Unmeasured } from './probe/questions.ts';
import { openAsked } from './trees.ts';

export interface ProbeOptions {
  /** Where images are. Text is UTF-8; relative paths start at the current directory. */
  readonly source: string | Uint8Array;
  /** Where they go. */
  readonly target: string | Uint8Array;
  /** Ask in processes of their own whether rename returns, in six shapes. Always done where the target is served by others. */
  readonly renameShapes?: boolean;
  /** Measure with real processes what /proc shows after each strategy. */
  readonly leaks?: boolean;
  /** How long one rename may take, milliseconds; any other question of a file system that others serve as long, but at least 2,000. Default 2,000. */
  readonly timeoutMs?: number;
  /** Ends it after what it is at: what was made is removed, and what was asked by then is reported. */
  readonly signal?: AbortSignal;
}

export interface ProbeReport {
  /** undefined where the file system does not answer. */
  readonly site: ProbedSite | undefined;
  readonly strategies: readonly StrategyVerdict[];
  readonly choice: Choice;
  readonly shapes?: RenameShapes;
  readonly leaks?: LeakReport | Unmeasured;
  /** What did not answer, so that nothing else was asked. */
  readonly unanswered?: Unanswered;
}

const ANSWER_MIN_MS = 2_000;

/**
 * What works between two directories, and what `auto` makes of it. Leaves nothing in either, but where a call never
 * returns: that is named. File systems that others serve are asked by processes of their own, so this one never hangs.
 *
 * @throws MergeError DIRECTORY_UNUSABLE, BAD_OPTION
 */
export async function probe(options: ProbeOptions): Promise<ProbeReport> {
  const { timeoutMs = ANSWER_MIN_MS, signal } = options;
  const source = absolute(options.source, 'source');
  const target = absolute(options.target, 'target');
  const served = { source: isServed(source), target: isServed(target) };
  if (!served.source) checkDirectory(source, 'source');
  if (!served.target) checkDirectory(target, 'target');
  const asked = options.renameShapes === true || served.target ? await askShapes(target, timeoutMs) : undefined;
  const shapes = asked && { shapes: asked };
  const silence = asked && silenceIn(asked);
  if (silence !== undefined && !asked?.refused && (served.target || silence.code === 'RENAME_HANGS')) {
    const why = `${quoted(target)} lies on a file system that ${silence.why}`;
    return { ...nothing, ...shapes, unanswered: { why, left: [] } };
  }
  if (signal?.aborted) return { ...nothing, ...shapes, unanswered: { why: 'the probe was stopped', left: [] } };
  const questions: Questions = { source, target, leaks: options.leaks === true };
  const apart = served.source || served.target;
  let answers: Answers | Unanswered;
  try {
    answers = await (apart
      ? askApart(questions, Math.max(timeoutMs, ANSWER_MIN_MS), signal)
      : ask(questions, undefined, signal));
  } catch (error) {
    throw explain(error, 'DIRECTORY_UNUSABLE', 'the two directories cannot be probed');
  }
  if ('why' in answers) return { ...nothing, ...shapes, unanswered: answers };
  const { site, leaks } = answers;
  return { site, ...choose(site, leaks), ...shapes, ...(leaks && { leaks }) };
}

const nothing: Pick<ProbeReport, 'site' | 'strategies' | 'choice'> = {
  site: undefined,
  strategies: [],
  choice: { data: undefined, programs: undefined },
};

/** Shapes of a directory in which nothing can be made are not measured. @throws MergeError DIRECTORY_UNUSABLE */
async function askShapes(target: Bytes, timeoutMs: number): Promise<RenameShapes & { readonly refused: boolean }> {
  try {
    return { ...(await probeRename(target, { timeoutMs })), refused: false };
  } catch (error) {
    if (!isErrno(error) || !error.call.startsWith('mkdir'))
      throw explain(error, 'DIRECTORY_UNUSABLE', `the target ${quoted(target)} cannot be opened as a directory`);
    const verdict: ShapeVerdict = { verdict: 'not-measured', why: `${error.call} gave ${error.code}` };
    const shapes = Object.fromEntries(shapeNames.map((name) => [name, verdict])) as Record<ShapeName, ShapeVerdict>;
    return { shapes, left: [], refused: true };
  }
}

/** @throws MergeError DIRECTORY_UNUSABLE */
function checkDirectory(path: Bytes, what: string): void {
  const fs = linuxPort();
  fs.closeDir(openAsked(path, what, fs));
}
