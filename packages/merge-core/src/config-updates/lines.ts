import { diffArrays } from 'diff';

/** More lines that differ than anybody looks at; comparing them would take seconds, for it takes time by their square. */
export const EDITS_MAX = 4000;

/** A run of lines that differ: where it is in both texts, and how long. */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly otherStart: number;
  readonly otherEnd: number;
}

/** With their newlines; the last line of a torn text has none, and so is another than the same line with one. */
export function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** What differs, in order; no two runs touch. Texts that have next to nothing in common are one run from end to end. */
export function runsOf(lines: readonly string[], other: readonly string[]): Run[] {
  const changes = diffArrays([...lines], [...other], { maxEditLength: EDITS_MAX });
  if (changes === undefined) return [{ start: 0, end: lines.length, otherStart: 0, otherEnd: other.length }];
  const runs: Run[] = [];
  let [at, otherAt] = [0, 0];
  let open: Run | undefined;
  for (const { added, removed, count } of changes) {
    if (!added && !removed) {
      if (open !== undefined) runs.push(open);
      open = undefined;
      at += count;
      otherAt += count;
      continue;
    }
    const { start, otherStart } = open ?? { start: at, otherStart: otherAt };
    if (removed) at += count;
    else otherAt += count;
    open = { start, end: at, otherStart, otherEnd: otherAt };
  }
  if (open !== undefined) runs.push(open);
  return runs;
}

/** What looks like a comment and is none: `#!`, and directives of cpp, sudoers and their like. */
const DIRECTIVE = /^\s*#(?:!|\s*(?:include|includedir|define|undef|if|ifdef|ifndef|else|elif|endif|pragma|error)\b)/;

/**
 * Whether two texts differ in blanks and comments alone, as `etc-update` and `dispatch-conf` tell: blank lines, lines that start with `#`, how
 * many blanks there are between words and at the end. Unlike there an indentation counts, which means something in YAML and its like, and
 * so does `#include`.
 */
export function differTrivially(a: string, b: string): boolean {
  return telling(a) === telling(b);
}

function telling(text: string): string {
  return linesOf(text)
    .map((line) => line.replace(/[ \t\r\n]+$/, ''))
    .filter((line) => line !== '' && (!/^\s*#/.test(line) || DIRECTIVE.test(line)))
    .map((line) => line.replace(/(?<=\S)[ \t]+/g, ' '))
    .join('\n');
}
