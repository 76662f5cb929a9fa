import { structuredPatch } from 'diff';
import { EDITS_MAX, linesOf } from './lines.ts';

/** A run of changes with the lines around it, as in a unified diff. */
export interface DiffHunk {
  /** `-1,3 +1,4`: from which line and how many, in both texts. */
  readonly range: string;
  /** Each with its mark (blank, `-`, `+`, `\`) and without its newline. */
  readonly lines: readonly string[];
}

const CONTEXT = 3;

/** What changes from one text to another. Texts that have next to nothing in common are one hunk. */
export function unifiedDiff(before: string, after: string): DiffHunk[] {
  const options = { context: CONTEXT, maxEditLength: EDITS_MAX };
  const patch = structuredPatch('', '', before, after, undefined, undefined, options);
  if (patch === undefined) return [whole(before, after)];
  return patch.hunks.map(({ oldStart, oldLines, newStart, newLines, lines }) => ({
    range: `-${rangeOf(oldStart, oldLines)} +${rangeOf(newStart, newLines)}`,
    lines,
  }));
}

function whole(before: string, after: string): DiffHunk {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  return {
    range: `-${rangeOf(1, old.length)} +${rangeOf(1, fresh.length)}`,
    lines: [...marked('-', old), ...marked('+', fresh)],
  };
}

function marked(mark: string, lines: readonly string[]): string[] {
  return lines.flatMap((line) =>
    line.endsWith('\n') ? [`${mark}${line.slice(0, -1)}`] : [`${mark}${line}`, '\\ No newline at end of file'],
  );
}

/** As diff(1) writes it: of one line its number alone, of none the number of the line before. */
function rangeOf(start: number, lines: number): string {
  if (lines === 1) return String(start);
  return `${lines === 0 ? Math.max(start - 1, 0) : start},${lines}`;
}
