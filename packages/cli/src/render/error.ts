import { MergeError } from '@emplace/merge-core';
import { jsonPath } from './json.ts';

const sentences = {
  refused: 'refused, nothing was changed',
  locked: 'locked, nothing was changed',
  'rolled-back': 'failed, the old tree is back',
  incomplete: 'INCOMPLETE',
} as const;

/** What the root holds now, for a person. */
export function outcomeOf(error: MergeError): string {
  return sentences[error.outcome];
}

/** One object for programs. */
export function errorJson(error: Error): object {
  if (!(error instanceof MergeError)) {
    const usage = 'oclif' in error;
    const hint = usage ? 'Run the command with `--help`' : 'Report this: it is a bug in Emplace';
    return {
      ...(usage && { outcome: 'refused' }),
      error: { code: usage ? 'USAGE' : 'BUG', message: error.message, hint },
    };
  }
  const { outcome, transaction, code, message, hint, problems } = error;
  return {
    outcome,
    ...(transaction === undefined ? {} : { transaction }),
    error: {
      code,
      message,
      hint,
      ...(problems.length > 0 && {
        problems: problems.map((problem) => ({
          ...{ code: problem.code, message: problem.message },
          ...(problem.path !== '' && { path: jsonPath(problem.path) }),
        })),
      }),
    },
  };
}
