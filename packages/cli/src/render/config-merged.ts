import type { ChosenUpdate, MergeError, SettledUpdate } from '@emplace/merge-core';
import type { Bytes } from '@emplace/syscalls';
import type { Left } from '../commands/config/merge-file.ts';
import { counted, shownPath, updatePath } from './config-list.ts';
import { renderSettled, settledPart } from './config-settled.ts';
import { errorJson } from './error.ts';
import { jsonPath } from './json.ts';

/** What became of one file that was to be merged. */
export interface Merged {
  readonly chosen: ChosenUpdate;
  /** `settled`: see there. `unmergeable`: it is no text; see `error`. `failed`: see `error`. */
  readonly outcome: 'settled' | 'would-merge' | 'unmergeable' | 'failed' | Left;
  readonly settled?: SettledUpdate;
  readonly error?: MergeError;
  /** Lines of what came up beside it. */
  readonly beside?: readonly string[];
  readonly changes?: number;
  readonly conflicts?: number;
  readonly hasBase?: boolean;
}

/** A line for stdout, and what to say beside it. */
export function renderMerged(merged: Merged): { readonly line: string | undefined; readonly notes: readonly string[] } {
  const { chosen, outcome, settled, error } = merged;
  if (settled !== undefined) return renderSettled(settled);
  if (outcome === 'failed')
    return {
      line: undefined,
      notes: error === undefined ? [] : [`left: ${error.message}\n${error.code}. ${error.hint}`],
    };
  const path = shownPath(chosen.file.path);
  return { line: outcome === 'would-merge' ? `would merge ${path}` : `left ${path}: ${whyLeft(merged)}`, notes: [] };
}

function whyLeft({ outcome, error, conflicts = 0, hasBase }: Merged): string {
  switch (outcome) {
    case 'conflicts':
      return hasBase ? counted(conflicts, 'conflict') : `no earlier text is known, ${counted(conflicts, 'difference')}`;
    case 'not-trivial':
      return 'it differs in more than blanks and comments';
    case 'unmergeable':
      return `${error?.message}: accept or reject its update`;
    default:
      return 'its update waits';
  }
}

export function mergedJson({ chosen, outcome, settled, error, changes, conflicts, hasBase }: Merged): object {
  const { file, update } = chosen;
  return {
    path: jsonPath(`/${file.path}` as Bytes),
    update: jsonPath(updatePath(file, update.name)),
    outcome,
    ...{ hasBase, changes, conflicts },
    ...(settled && settledPart(settled)),
    ...(error && errorJson(error)),
  };
}
