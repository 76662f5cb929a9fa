import {
  type ChosenUpdate,
  type ConfigOptions,
  type ConfigTexts,
  conflictsIn,
  hasMarks,
  MergeError,
  type MergePiece,
  type MergeSide,
  markedConflict,
  mergedText,
  mergeTexts,
  readConfigTexts,
} from '@emplace/merge-core';
import { shownPath } from '../../render/config-list.ts';
import type { Answers } from './answers.ts';
import { choose } from './choose.ts';
import { runTool } from './tool.ts';

/** What may decide where a merge cannot. */
export interface MergeMeans {
  /** Files that differ in more than blanks and comments are passed over. */
  readonly trivialOnly: boolean;
  /** Where only blanks and comments differ, those of the update count. */
  readonly trivial: boolean;
  readonly prefer?: MergeSide;
  /** For /bin/sh. */
  readonly tool?: string;
  readonly toolOutput: 'stdout' | 'stderr';
}

/** Why a file is left as it is, and its update waits. */
export type Left = 'conflicts' | 'not-trivial' | 'skipped' | 'quit';

/** What became of one file before anything was written. */
export interface Decided {
  /** `decided` has content. */
  readonly outcome: 'decided' | Left;
  /** Bytes, one latin1 unit each. */
  readonly content?: string;
  /** Pieces that the update changes, conflicts not among them. */
  readonly changes: number;
  readonly conflicts: number;
  readonly hasBase: boolean;
}

/** @throws MergeError CONFIG_UPDATE_UNUSABLE, CONFIG_UPDATE_CHANGED, MERGE_TOOL_FAILED */
export async function decide(
  options: ConfigOptions,
  chosen: ChosenUpdate,
  means: MergeMeans,
  answers: Answers | undefined,
): Promise<Decided> {
  if (chosen.file.stat === undefined)
    throw new MergeError('CONFIG_UPDATE_UNUSABLE', `${shownPath(chosen.file.path)} is not there`);
  const texts = readConfigTexts(options, chosen);
  const pieces = mergeTexts(texts);
  const changes = pieces.filter(({ kind }) => kind === 'theirs').length;
  const counted = { changes, conflicts: conflictsIn(pieces), hasBase: texts.base !== undefined };
  const { difference } = chosen.file;
  const isTrivial = difference === 'trivial' || difference === 'same';
  if (means.trivialOnly && !isTrivial) return { ...counted, outcome: 'not-trivial' };
  const side = means.trivial && isTrivial ? 'theirs' : means.prefer;
  if (counted.conflicts === 0 || side !== undefined)
    return { ...counted, outcome: 'decided', content: mergedText(pieces, (piece) => piece[side ?? 'mine']) };
  if (means.tool !== undefined) return { ...counted, ...byTool(means.tool, chosen, texts, pieces, means) };
  if (answers === undefined) return { ...counted, outcome: 'conflicts' };
  const chosenText = await choose(chosen, pieces, texts.base !== undefined, answers);
  if (chosenText === 'skip') return { ...counted, outcome: 'skipped' };
  return chosenText === 'quit'
    ? { ...counted, outcome: 'quit' }
    : { ...counted, outcome: 'decided', content: chosenText.content };
}

function byTool(
  tool: string,
  { file }: ChosenUpdate,
  { base, mine, theirs }: ConfigTexts,
  pieces: readonly MergePiece[],
  { toolOutput }: MergeMeans,
): Pick<Decided, 'outcome' | 'content'> {
  const marked = mergedText(pieces, (piece) => markedConflict(piece, base !== undefined));
  const files = { BASE: base ?? '', LOCAL: mine, REMOTE: theirs, MERGED: marked };
  const content = runTool(tool, files, file.name, toolOutput);
  return hasMarks(content) ? { outcome: 'conflicts' } : { outcome: 'decided', content };
}
