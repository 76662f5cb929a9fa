import { linesOf, type Run, runsOf } from './lines.ts';
import type { ConfigTexts } from './texts.ts';

/**
 * A piece of a merge, in the order of the text. `same`: nobody changed it. `mine`, `theirs`: one side did. `both`: both did, alike.
 * `conflict`: both did, otherwise; without a base every difference is one.
 */
export interface MergePiece {
  readonly kind: 'same' | 'mine' | 'theirs' | 'both' | 'conflict';
  /** Lines with their newlines. */
  readonly base: readonly string[];
  readonly mine: readonly string[];
  readonly theirs: readonly string[];
  /** Line of the file as it is, from 1, at which the piece stands. */
  readonly line: number;
}

export type MergeSide = 'mine' | 'theirs';

/**
 * Merges two descendants of one text line by line, as diff3(1) does: changes that touch or overlap are one. Without a base
 * what differs is left to decide.
 */
export function mergeTexts({ base, mine, theirs }: ConfigTexts): MergePiece[] {
  const texts = { mine: linesOf(mine), theirs: linesOf(theirs) };
  return base === undefined ? twoWay(texts.mine, texts.theirs) : threeWay(linesOf(base), texts.mine, texts.theirs);
}

function twoWay(mine: readonly string[], theirs: readonly string[]): MergePiece[] {
  const pieces: MergePiece[] = [];
  let at = 0;
  for (const { start, end, otherStart, otherEnd } of runsOf(mine, theirs)) {
    if (start > at) pieces.push(unchanged(mine.slice(at, start), at));
    const sides = { mine: mine.slice(start, end), theirs: theirs.slice(otherStart, otherEnd) };
    pieces.push({ kind: 'conflict', base: [], ...sides, line: start + 1 });
    at = end;
  }
  if (at < mine.length) pieces.push(unchanged(mine.slice(at), at));
  return pieces;
}

interface Change extends Run {
  readonly side: MergeSide;
}

function threeWay(base: readonly string[], mine: readonly string[], theirs: readonly string[]): MergePiece[] {
  const changes: Change[] = [
    ...runsOf(base, mine).map((run) => ({ ...run, side: 'mine' as const })),
    ...runsOf(base, theirs).map((run) => ({ ...run, side: 'theirs' as const })),
  ].sort((a, b) => a.start - b.start);
  const pieces: MergePiece[] = [];
  let [at, line] = [0, 0];
  const push = (piece: Omit<MergePiece, 'line'>): void => {
    pieces.push({ ...piece, line: line + 1 });
    line += piece.mine.length;
  };
  for (const { start, end, those } of joined(changes)) {
    if (start > at) push(unchanged(base.slice(at, start), 0));
    const sides = { mine: linesIn('mine', mine), theirs: linesIn('theirs', theirs) };
    push({ kind: kindOf(those, sides), base: base.slice(start, end), ...sides });
    at = end;

    /** What one side has between `start` and `end`: its own changes, and the base around them. */
    function linesIn(side: MergeSide, lines: readonly string[]): readonly string[] {
      const own = those.filter((change) => change.side === side);
      const [first, last] = [own[0], own.at(-1)];
      if (first === undefined || last === undefined) return base.slice(start, end);
      return lines.slice(first.otherStart - (first.start - start), last.otherEnd + (end - last.end));
    }
  }
  if (at < base.length) push(unchanged(base.slice(at), 0));
  return pieces;
}

/** Changes that overlap or touch belong together: which of two insertions at one place comes first nobody knows. */
function joined(changes: readonly Change[]): { start: number; end: number; those: Change[] }[] {
  const regions: { start: number; end: number; those: Change[] }[] = [];
  for (const change of changes) {
    const last = regions.at(-1);
    if (last === undefined || change.start > last.end) {
      regions.push({ start: change.start, end: change.end, those: [change] });
    } else {
      last.end = Math.max(last.end, change.end);
      last.those.push(change);
    }
  }
  return regions;
}

function kindOf(those: readonly Change[], { mine, theirs }: Pick<MergePiece, MergeSide>): MergePiece['kind'] {
  const [first] = those;
  if (first !== undefined && those.every(({ side }) => side === first.side)) return first.side;
  return mine.join('') === theirs.join('') ? 'both' : 'conflict';
}

function unchanged(lines: readonly string[], at: number): MergePiece {
  return { kind: 'same', base: lines, mine: lines, theirs: lines, line: at + 1 };
}

/** @param resolve what to make of a conflict */
export function mergedText(
  pieces: readonly MergePiece[],
  resolve: (piece: MergePiece) => string | readonly string[],
): string {
  return pieces.map((piece) => [resolvedBy(piece, resolve)].flat().join('')).join('');
}

function resolvedBy(piece: MergePiece, resolve: (piece: MergePiece) => string | readonly string[]) {
  switch (piece.kind) {
    case 'same':
    case 'mine':
    case 'both':
      return piece.mine;
    case 'theirs':
      return piece.theirs;
    case 'conflict':
      return resolve(piece);
    default:
      return piece.kind satisfies never;
  }
}

export function conflictsIn(pieces: readonly MergePiece[]): number {
  return pieces.filter(({ kind }) => kind === 'conflict').length;
}

const MARKS = { mine: '<<<<<<<', base: '|||||||', middle: '=======', theirs: '>>>>>>>' } as const;

/** A conflict as merge tools and editors know it, with both sides and, where it is known, the base. */
export function markedConflict({ base, mine, theirs }: MergePiece, hasBase: boolean): string {
  return [
    `${MARKS.mine} the file\n`,
    ...whole(mine),
    ...(hasBase ? [`${MARKS.base} as it was shipped before\n`, ...whole(base)] : []),
    `${MARKS.middle}\n`,
    ...whole(theirs),
    `${MARKS.theirs} the update\n`,
  ].join('');
}

/** Whether a text has a mark of {@link markedConflict}: somebody did not decide. */
export function hasMarks(text: string): boolean {
  return /^<<<<<<< the file$|^>>>>>>> the update$/m.test(text);
}

/** A last line without a newline would run into the mark after it. */
function whole(lines: readonly string[]): string[] {
  return lines.map((line) => (line.endsWith('\n') ? line : `${line}\n`));
}
