import type { SettledUpdate, SettleReport } from '@emplace/merge-core';
import type { Bytes } from '@emplace/syscalls';
import { shownPath, updatePath } from './config-list.ts';
import { errorJson } from './error.ts';
import { jsonPath } from './json.ts';
import { warningJson } from './report.ts';

const DONE = { accept: 'accepted', reject: 'rejected', merge: 'merged' } as const;

/** A line for stdout when it is done, and what to say beside it. */
export function renderSettled({ decision, error, removed, warnings }: SettledUpdate): {
  readonly line: string | undefined;
  readonly notes: readonly string[];
} {
  const { file, update } = decision.chosen;
  const notes = warnings.map((warning) => `warning: ${warning}`);
  if (error !== undefined)
    return { line: undefined, notes: [...notes, `refused: ${error.message}\n${error.code}. ${error.hint}`] };
  const others = removed.filter((name) => name !== update.name).length;
  const older = others === 0 ? '' : ` (with ${others} older)`;
  return { line: `${DONE[decision.action.how]} ${shownPath(file.path)}${older}`, notes };
}

/** What came up beside the files: of the lock, and an unfinished merge. */
export function renderBeside({ warnings, recovered }: Pick<SettleReport, 'warnings' | 'recovered'>): string[] {
  const { transaction, tree } = recovered ?? {};
  return [
    ...(transaction === undefined ? [] : [`an unfinished merge ${transaction} was recovered first: its ${tree} tree`]),
    ...warnings.map(({ code, message }) => `warning: ${message} (${code})`),
  ];
}

export function settledJson({ settled, warnings, recovered }: SettleReport): object {
  return {
    files: settled.map(oneJson),
    warnings: warnings.map(warningJson),
    ...(recovered && { recovered }),
  };
}

function oneJson(one: SettledUpdate): object {
  const { file, update } = one.decision.chosen;
  return {
    path: jsonPath(`/${file.path}` as Bytes),
    update: jsonPath(updatePath(file, update.name)),
    ...settledPart(one),
  };
}

/** What became of one file. */
export function settledPart({ decision, error, removed, warnings }: SettledUpdate): object {
  const { file } = decision.chosen;
  return {
    ...(error === undefined ? { outcome: DONE[decision.action.how] } : errorJson(error)),
    removed: removed.map((name) => jsonPath(updatePath(file, name))),
    warnings,
  };
}

/** 0 when all is settled, else that of the first that is not. */
export function exitOfSettled(settled: readonly SettledUpdate[]): number {
  return settled.find(({ error }) => error !== undefined)?.error?.exitCode ?? 0;
}
