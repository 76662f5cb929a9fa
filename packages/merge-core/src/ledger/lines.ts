import type { Bytes } from '@emplace/syscalls';
import { type ErrorCode, type Problem, quoted } from '../errors.ts';

/** A line that could not be read. */
export interface LineProblem {
  /** From 1. */
  readonly line: number;
  /** The line, or its first {@link SHOWN_MAX} bytes. */
  readonly text: Bytes;
  readonly why: string;
}

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: Bytes;
  /** A newline ends it; the last line of a file that was torn has none. */
  readonly ended: boolean;
}

const SHOWN_MAX = 200;
/** Of a file that is something else altogether nobody reads more. */
const PROBLEMS_MAX = 1000;

/** The lines of a file, one after the other: a million of them need not be there at once. */
export function* linesOf(content: Buffer): Generator<Line, void, undefined> {
  for (let start = 0, number = 1; start < content.length; number++) {
    const newline = content.indexOf(0x0a, start);
    const end = newline === -1 ? content.length : newline;
    yield { number, text: content.latin1Slice(start, end) as Bytes, ended: newline !== -1 };
    start = end + 1;
  }
}

/** Adds to `problems`, which stays bounded. */
export function report(problems: LineProblem[], line: Line, why: string): void {
  if (problems.length < PROBLEMS_MAX)
    problems.push({ line: line.number, text: line.text.slice(0, SHOWN_MAX) as Bytes, why });
}

/** What was wrong with the lines of one file, for {@link refuse}. */
export function lineProblems(code: ErrorCode, file: Bytes, problems: readonly LineProblem[]): Problem[] {
  return problems.map(({ line, text, why }) => ({
    code,
    path: file,
    message: `${quoted(file)}, line ${line}: ${why}: ${quoted(text)}`,
  }));
}
