/** What the power is cut in: each brings a root with the first version of a package to the second, or to none. */
import { execFileSync } from 'node:child_process';
import { type FsPort, MergeError, mergeSync, recoverSync, unmergeSync } from '@emplace/merge-core';
import { ledgerOf } from '../../src/package-versions.ts';
import { emplace } from '../../src/running.ts';
import { commandOf } from '../every-call/fail-command.ts';

export interface Way {
  readonly sync: 'full' | 'none';
  readonly fs: FsPort;
}

export interface CutOperation {
  readonly name: string;
  /** Builds what it needs: nothing of it is flushed when it begins. @param place what `installFirst` has filled */
  prepare(place: string): void;
  run(place: string, way: Way): void;
  /** Who has the program afterwards; undefined where no database is told. */
  readonly owners?: readonly string[];
}

export const MERGE: CutOperation = {
  name: 'a merge that renames from an image built just before on the same mount',
  prepare: (place) => buildImage(place, `${place}/built`),
  run: (place, way) =>
    void mergeSync({ root: `${place}/root`, image: `${place}/built`, replaceTypes: true, strategy: 'rename', ...way }),
};

export const UPGRADE: CutOperation = {
  name: 'an upgrade with the package database',
  prepare: (place) => buildImage(place, `${place}/built`),
  run: (place, way) =>
    void mergeSync({ root: `${place}/root`, image: `${place}/built`, ledger: ledgerOf(`${place}/root`, 2), ...way }),
  owners: ['app-misc/app-2'],
};

export const OPERATIONS: readonly CutOperation[] = [
  MERGE,
  {
    name: 'a merge that copies from an image on a mount that is gone after the cut',
    prepare: (place) => buildImage(place, elsewhere(place)),
    run: (place, way) => {
      mergeSync({ root: `${place}/root`, image: elsewhere(place), replaceTypes: true, strategy: 'copy', ...way });
      execFileSync('rm', ['-rf', elsewhere(place)]);
    },
  },
  UPGRADE,
  {
    name: 'an unmerge',
    prepare: () => {},
    run: (place, way) => void unmergeSync({ root: `${place}/root`, ledger: ledgerOf(`${place}/root`, 1), ...way }),
    owners: [],
  },
];

/** The same by the command line, in its two processes: their calls are their own, so nobody disturbs them. */
export const COMMANDS: readonly CutOperation[] = [
  {
    name: 'emplace merge with the package database, from an image built just before',
    prepare: (place) => buildImage(place, `${place}/built`),
    run: (place, { sync }) => runEmplace([...commandOf('upgrade', place, `${place}/built`), '--sync', sync]),
    owners: ['app-misc/app-2'],
  },
  {
    name: 'emplace unmerge',
    prepare: () => {},
    run: (place, { sync }) => runEmplace([...commandOf('unmerge', place), '--sync', sync]),
    owners: [],
  },
];

/** What `emplace` is asked has to be done. */
export function runEmplace(args: readonly string[]): void {
  execFileSync(emplace, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** `emplace recover`, to be recorded itself, after a cut in another. */
export const RECOVER_COMMAND: CutOperation = {
  name: 'emplace recover',
  prepare: () => {},
  run: (place, { sync }) => runEmplace(['recover', '--root', `${place}/root`, '--sync', sync]),
};

/** To be recorded itself, after a cut in another. */
export function recovery(rollback: boolean): CutOperation {
  return {
    name: rollback ? 'a recovery back' : 'a recovery',
    prepare: () => {},
    run: (place, way) => recoverRoot(`${place}/root`, rollback, way),
  };
}

/** Backwards where that is asked for and not too late. */
export function recoverRoot(root: string, rollback: boolean, way: Partial<Way> = {}): void {
  try {
    recoverSync({ root, rollback, ...way });
  } catch (error) {
    if (!(error instanceof MergeError) || error.code !== 'ROLLBACK_TOO_LATE') throw error;
    recoverSync({ root, ...way });
  }
}

/** Beside the mount, on another file system. */
function elsewhere(place: string): string {
  return `${place}-image`;
}

/** Reflinks would be of what is durable. */
function buildImage(place: string, image: string): void {
  execFileSync('cp', ['-a', '--reflink=never', `${place}/image`, image]);
}
