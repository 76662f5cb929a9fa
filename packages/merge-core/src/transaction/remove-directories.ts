import { type Bytes, isErrno } from '@emplace/syscalls';
import { splitPath } from '../paths.ts';
import type { Steps } from '../steps.ts';
import { failureFrom, type PlainFailure, plainFailure } from '../threads/failure.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import type { Workplace } from '../threads/tasks.ts';
import { openBelow } from './transaction.ts';

/** A directory that goes if it is empty. */
export interface RemoveDirectory {
  readonly tree: 'image' | 'root';
  readonly path: Bytes;
}

/** @returns why it stays; a way to it that is gone is no reason to tell */
export function removeDirectory({ tree, path }: RemoveDirectory, at: Workplace): PlainFailure | undefined {
  const { parent, name } = splitPath(path);
  const dir = openBelow(at[tree], parent);
  try {
    if (dir !== undefined) at.fs.rmdir(dir, name);
    return undefined;
  } catch (error) {
    if (!isErrno(error)) throw error;
    return plainFailure(error);
  }
}

/** Removes directories that are empty by then, the deepest first: those of one depth in any order. @param stays told of each that is not removed */
export function* removeDirectories(
  paths: readonly Bytes[],
  tree: 'image' | 'root',
  work: SharedWork,
  stays: (path: Bytes, why: Error) => void,
): Steps<void> {
  const byDepth = [...Map.groupBy(paths, (path) => path.split('/').length)];
  for (const [, level] of byDepth.sort(([a], [b]) => b - a)) {
    for (const path of level) {
      work.share('removeDirectory', { tree, path }, 0, (why) => {
        if (why !== undefined) stays(path, failureFrom(why));
      });
      yield 'finishing';
    }
    yield* work.finish();
  }
}
