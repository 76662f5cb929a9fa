/** What Stryker found (the mutation testing report schema), in few lines. */
import { readFileSync } from 'node:fs';

export interface Mutant {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  /** `Killed`, `Survived`, `NoCoverage`, `Timeout`, `RuntimeError`: the tests did not even load; `Ignored`: a message, or at load only. */
  readonly status: string;
  readonly before: string;
  readonly after: string;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

interface Report {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly source: string;
        readonly mutants: readonly {
          readonly id: string;
          readonly status: string;
          readonly replacement: string;
          readonly location: { readonly start: Position; readonly end: Position };
        }[];
      }
    >
  >;
}

/** The mutants of a report that were tried, or that no test reaches. */
export function mutantsOf(file: string, isWanted: (id: string) => boolean): Mutant[] {
  const { files } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  return Object.entries(files).flatMap(([name, { source, mutants }]) =>
    mutants
      .filter(({ id, status }) => isWanted(id) && status !== 'Ignored' && status !== 'CompileError')
      .map(({ id, status, replacement, location: { start, end } }) => ({
        id,
        file: name,
        line: start.line,
        status,
        before: textBetween(source, start, end),
        after: replacement,
      })),
  );
}

/** Columns and lines count from one. */
function textBetween(source: string, start: Position, end: Position): string {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines.push((lines.pop() ?? '').slice(0, end.column - 1));
  lines[0] = (lines[0] ?? '').slice(start.column - 1);
  return lines.join('\n');
}

/** A second run tells more of a mutant only if its tests reach it. */
export function combined(first: Mutant, second: Mutant | undefined): Mutant {
  return second === undefined || second.status === 'NoCoverage' ? first : second;
}

export const isAlive = ({ status }: Mutant): boolean => status === 'Survived' || status === 'NoCoverage';

export function showSurvivors(mutants: readonly Mutant[]): string {
  const inLine = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 100);
  return mutants
    .filter(isAlive)
    .map(({ id, file, line, status, before, after }) => {
      const unreached = status === 'NoCoverage' ? ' (no test comes here)' : '';
      return `${file}:${line} ${id}${unreached}\n    - ${inLine(before)}\n    + ${inLine(after)}`;
    })
    .join('\n');
}

export function showScore(area: string, mutants: readonly Mutant[]): string {
  const killed = mutants.length - mutants.filter(isAlive).length;
  const waited = mutants.filter(({ status }) => status === 'Timeout').length;
  const share = mutants.length === 0 ? 0 : Math.round((100 * killed) / mutants.length);
  return `${area}: ${killed} of ${mutants.length} mutants were noticed (${share} %), ${waited} of them by not ending`;
}
