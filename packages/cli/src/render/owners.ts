import { type OwnedPath, type OwnersReport, type Problem, showPath } from '@emplace/merge-core';
import { jsonPath } from './json.ts';

/** One line for each owner: `CATEGORY/PF`, a blank, the path. */
export function renderOwned({ path, owners }: OwnedPath): string[] {
  return owners.map((owner) => `${owner} /${showPath(path, '')}`);
}

export function renderUnowned({ path }: OwnedPath): string {
  return `no package owns \`/${showPath(path, '')}\``;
}

export function ownersJson({ paths, problems }: OwnersReport): object {
  return {
    paths: paths.map(({ path, owners }) => ({ path: jsonPath(path), owners })),
    problems: problems.map(problemJson),
  };
}

export function problemJson({ code, path, message }: Problem): object {
  return { code, path: jsonPath(path), message };
}
