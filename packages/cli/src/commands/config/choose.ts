import {
  type ChosenUpdate,
  hasMarks,
  MergeError,
  type MergePiece,
  markedConflict,
  mergedText,
} from '@emplace/merge-core';
import { renderPiece } from '../../render/config-diff.ts';
import { renderChanges, shownPath } from '../../render/config-list.ts';
import type { Answers } from './answers.ts';
import { editor, runTool } from './tool.ts';

const HELP = `m  mine: keep the lines of the file
t  theirs: take the lines of the update
e  edit: write the lines in an editor ($VISUAL, $EDITOR)
s  skip: leave this file as it is, its update waits
q  quit: leave this file and all that follow`;

/** Asks for each conflict whose lines count. `quit` also when there are no more answers. */
export async function choose(
  { file }: ChosenUpdate,
  pieces: readonly MergePiece[],
  hasBase: boolean,
  answers: Answers,
): Promise<{ readonly content: string } | 'skip' | 'quit'> {
  const conflicts = pieces.filter(({ kind }) => kind === 'conflict');
  answers.tell([{ text: `${shownPath(file.path)}: ${renderChanges(pieces, hasBase)}`, style: 'head' }]);
  const decided = new Map<MergePiece, string>();
  for (const [at, piece] of conflicts.entries()) {
    answers.tell(renderPiece(piece, pieces, hasBase));
    const text = await ask(piece, `${at + 1} of ${conflicts.length}`, file.name, hasBase, answers);
    if (text === 'skip' || text === 'quit') return text;
    decided.set(piece, text.content);
  }
  return { content: mergedText(pieces, (piece) => decided.get(piece) ?? piece.mine) };
}

async function ask(
  piece: MergePiece,
  which: string,
  name: ChosenUpdate['file']['name'],
  hasBase: boolean,
  answers: Answers,
): Promise<{ readonly content: string } | 'skip' | 'quit'> {
  for (;;) {
    const answer = await answers.ask(`${which}: mine, theirs, edit, skip, quit [m,t,e,s,q,?] `);
    switch (answer?.trim().toLowerCase()) {
      case 'm':
      case 'mine':
        return { content: piece.mine.join('') };
      case 't':
      case 'theirs':
        return { content: piece.theirs.join('') };
      case 'e':
      case 'edit': {
        const edited = answers.apart(() => edit(piece, name, hasBase));
        if (!(edited instanceof MergeError)) return { content: edited };
        answers.tell([{ text: edited.message, style: 'plain' }]);
        break;
      }
      case 's':
      case 'skip':
        return 'skip';
      case undefined:
      case 'q':
      case 'quit':
        return 'quit';
      default:
        answers.tell(HELP.split('\n').map((text) => ({ text, style: 'plain' })));
    }
  }
}

/** What went wrong is told, and asked again. */
function edit(piece: MergePiece, name: ChosenUpdate['file']['name'], hasBase: boolean): string | MergeError {
  try {
    const content = runTool(editor(), { MERGED: markedConflict(piece, hasBase) }, name, 'stderr');
    return hasMarks(content)
      ? new MergeError('MERGE_TOOL_FAILED', 'there are still marks of the conflict in it')
      : content;
  } catch (error) {
    if (error instanceof MergeError) return error;
    throw error;
  }
}
