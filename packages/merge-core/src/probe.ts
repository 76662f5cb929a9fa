import {
  type Fact,
  type LeakReport,
  linuxPort,
  mayNeverAnswer,
  type ProbedSite,
  probeRename,
  probeSite,
  type RenameShapes,
} from '@emplace/fsprobe';
import { toBuffer } from '@emplace/syscalls';
import { hungShapes } from './answering.ts';
import { probeLeaks } from './leaks.ts';
import { absolute } from './options.ts';
import { Knowledge } from './plan/knowledge.ts';
import { builtIn, cleanFact, ladderFor } from './strategy/select.ts';
import { openAsked } from './trees.ts';

export interface ProbeOptions {
  /** Where images are. Text is UTF-8; relative paths start at the current directory. */
  readonly source: string | Uint8Array;
  /** Where they go. */
  readonly target: string | Uint8Array;
  /** Ask in processes of their own whether rename returns, in six shapes. Always done where a file system is served by others. */
  readonly renameShapes?: boolean;
  /** Measure with real processes what /proc shows after each strategy. */
  readonly leaks?: boolean;
  /** How long one rename may take, milliseconds. Default 2,000. */
  readonly timeoutMs?: number;
}

/** What one strategy is good for between the two directories. */
export interface StrategyVerdict {
  readonly name: string;
  /** undefined: it works. */
  readonly refused: string | undefined;
  /** Whether a process that holds a replaced file goes on to show its own path. */
  readonly clean: Fact;
}

export interface ProbeReport {
  /** undefined where rename hangs: then nothing else is asked by this process. */
  readonly site: ProbedSite | undefined;
  readonly strategies: readonly StrategyVerdict[];
  /** What `auto` takes for data and new entries, and for what a process may run; undefined: nothing works. */
  readonly choice: { readonly data: string | undefined; readonly programs: string | undefined };
  readonly shapes?: RenameShapes;
  readonly leaks?: LeakReport;
}

/**
 * What works between two directories, and what `auto` makes of it. Leaves nothing in either.
 *
 * @throws MergeError DIRECTORY_UNUSABLE, BAD_OPTION
 */
export async function probe(options: ProbeOptions): Promise<ProbeReport> {
  const source = absolute(options.source, 'source');
  const target = absolute(options.target, 'target');
  const fs = linuxPort();
  let served = false;
  for (const [path, what] of [
    [source, 'source'],
    [target, 'target'],
  ] as const) {
    const dir = openAsked(path, what, fs);
    served ||= mayNeverAnswer(fs.space(dir).magic);
    fs.closeDir(dir);
  }
  const limit = options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
  const shapes = options.renameShapes === true || served ? await probeRename(target, limit) : undefined;
  const asked = shapes === undefined ? {} : { shapes };
  if (shapes !== undefined && hungShapes(shapes).length > 0)
    return { site: undefined, strategies: [], choice: { data: undefined, programs: undefined }, ...asked };
  const site = probeSite(toBuffer(source), toBuffer(target));
  const leaks = options.leaks === true ? await probeLeaks(toBuffer(source), toBuffer(target)) : undefined;
  return { site, ...chosen(site, leaks), ...asked, ...(leaks && { leaks }) };
}

/** What a merge would choose, by its own ladder. */
function chosen(
  { site, facts }: ProbedSite,
  leaks: LeakReport | undefined,
): Pick<ProbeReport, 'strategies' | 'choice'> {
  const knowledge = new Knowledge(() => facts);
  const choice = { strategy: 'auto', links: true, keepImage: false, registry: builtIn };
  const { rungs, refused } = ladderFor(site, choice, knowledge, () => facts.reflink);
  const strategies = builtIn.map((strategy) => {
    const name = strategy.name;
    return { name, refused: refused.get(name), clean: seen(name, leaks) ?? facts[cleanFact(strategy)] };
  });
  const isClean = (name: string): boolean => strategies.find((one) => one.name === name)?.clean.answer !== 'no';
  const programs = rungs.find(({ name }) => isClean(name)) ?? rungs[0];
  return { strategies, choice: { data: rungs[0]?.name, programs: programs?.name } };
}

/** What real processes showed goes before what a descriptor of our own did. */
function seen(name: string, leaks: LeakReport | undefined): Fact | undefined {
  const verdict = leaks?.judged === true ? leaks.ways.find((way) => way.name === name) : undefined;
  switch (verdict?.verdict) {
    case 'clean':
      return { answer: 'yes' };
    case 'leaks':
      return { answer: 'no', why: `shows ${verdict.leaks.map(({ where }) => where).join(', ')}` };
    default:
      return undefined;
  }
}
