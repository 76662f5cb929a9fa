import {
  type ChosenUpdate,
  type ConfigTexts,
  type MergeError,
  type MergePiece,
  mergeTexts,
  unifiedDiff,
} from '@emplace/merge-core';
import { type Bytes, toBytes } from '@emplace/syscalls';
import type { LineStyle, ShownLine } from './config-lines.ts';
import { renderChanges, updatePath } from './config-list.ts';
import { errorJson } from './error.ts';
import { jsonPath } from './json.ts';

/** A file and its update, or why they cannot be compared. */
export type Compared =
  | { readonly chosen: ChosenUpdate; readonly texts: ConfigTexts; readonly whyNot: undefined }
  | { readonly chosen: ChosenUpdate; readonly texts: undefined; readonly whyNot: MergeError };

const MARKS: Readonly<Record<string, LineStyle>> = { '-': 'removed', '+': 'added' };

export function renderCompared({ chosen, texts, whyNot }: Compared, threeWay: boolean): ShownLine[] {
  const { file, update } = chosen;
  const [own, other] = [`/${file.path}`, updatePath(file, update.name)];
  if (whyNot !== undefined) return [{ text: toBytes(whyNot.message), style: 'plain' }];
  const head: ShownLine[] = [
    { text: `--- ${own}`, style: 'head' },
    { text: `+++ ${other}`, style: 'head' },
  ];
  if (!threeWay) return [...head, ...twoWay(texts)];
  if (texts.base === undefined)
    return [...head, { text: 'no earlier text is known: a comparison of two', style: 'place' }, ...twoWay(texts)];
  const pieces = mergeTexts(texts);
  const told: ShownLine = { text: renderChanges(pieces, true), style: 'place' };
  const changed = pieces.filter(({ kind }) => kind !== 'same');
  return [...head, told, ...changed.flatMap((piece) => renderPiece(piece, pieces, true))];
}

function twoWay({ mine, theirs }: ConfigTexts): ShownLine[] {
  return unifiedDiff(mine, theirs).flatMap(({ range, lines }) => [
    { text: `@@ ${range} @@`, style: 'place' as const },
    ...lines.map((text) => ({ text, style: MARKS[text[0] ?? ''] ?? 'plain' })),
  ]);
}

const CONTEXT = 3;

const TITLES: Readonly<Record<MergePiece['kind'], string>> = {
  same: 'the same',
  mine: 'changed here',
  theirs: 'changed by the update',
  both: 'changed here and by the update, alike',
  conflict: 'changed here and by the update: a conflict',
};

/** A piece of a merge with the lines around it, each line with a mark for those who see no colours. */
export function renderPiece(piece: MergePiece, pieces: readonly MergePiece[], hasBase: boolean): ShownLine[] {
  const at = pieces.indexOf(piece);
  const before = pieces[at - 1]?.mine.slice(-CONTEXT) ?? [];
  const after = pieces[at + 1]?.mine.slice(0, CONTEXT) ?? [];
  const title = piece.kind === 'conflict' && !hasBase ? 'differs' : TITLES[piece.kind];
  return [
    { text: `@@ line ${piece.line} @@ ${title}`, style: 'place' },
    ...marked(' ', before, 'plain'),
    ...(piece.kind === 'conflict' ? conflict(piece, hasBase) : change(piece)),
    ...marked(' ', after, 'plain'),
  ];
}

function change({ kind, base, mine, theirs }: MergePiece): ShownLine[] {
  return [...marked('-', base, 'removed'), ...marked('+', kind === 'theirs' ? theirs : mine, 'added')];
}

function conflict({ base, mine, theirs }: MergePiece, hasBase: boolean): ShownLine[] {
  const title = (text: string): ShownLine => ({ text, style: 'conflict' });
  return [
    title('<<<<<<< mine'),
    ...marked(' ', mine, 'removed'),
    ...(hasBase ? [title('||||||| as it was shipped before'), ...marked(' ', base, 'plain')] : []),
    title('======='),
    ...marked(' ', theirs, 'added'),
    title('>>>>>>> theirs'),
  ];
}

function marked(mark: string, lines: readonly string[], style: LineStyle): ShownLine[] {
  return lines.map((line) => ({ text: `${mark}${line.replace(/\n$/, '')}`, style }));
}

export function comparedJson({ chosen, texts, whyNot }: Compared): object {
  const { file, update } = chosen;
  const names = { path: jsonPath(`/${file.path}` as Bytes), update: jsonPath(updatePath(file, update.name)) };
  if (whyNot !== undefined) return { ...names, ...errorJson(whyNot) };
  const pieces = texts.base === undefined ? [] : mergeTexts(texts).filter(({ kind }) => kind !== 'same');
  return {
    ...names,
    hasBase: texts.base !== undefined,
    hunks: unifiedDiff(texts.mine, texts.theirs).map(({ range, lines }) => ({ range, lines: lines.map(textJson) })),
    ...(texts.base !== undefined && {
      pieces: pieces.map(({ kind, line, base, mine, theirs }) => ({
        ...{ kind, line, base: base.map(textJson), mine: mine.map(textJson), theirs: theirs.map(textJson) },
      })),
    }),
  };
}

/** Text where the bytes are UTF-8, as paths. */
function textJson(text: string): ReturnType<typeof jsonPath> {
  return jsonPath(text as Bytes);
}
