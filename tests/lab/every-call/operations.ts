/** What fails, and is killed, at each of its calls. */
import { mergeSync, type RootOptions, unmergeSync } from '@emplace/merge-core';
import { ledgerOf } from '../../src/package-versions.ts';
import { placeOneByOne } from './one-by-one.ts';

/** In a place with `root` and `image`. What `how` says goes before its own: whose calls, who listens. */
export type Operation = (place: string, how: Partial<RootOptions>) => unknown;

const trees = (place: string): { readonly root: string; readonly image: string } => ({
  root: `${place}/root`,
  image: `${place}/image`,
});

export const operations = {
  merge: (place, how) => mergeSync({ ...trees(place), replaceTypes: true, directories: 'image', ...how }),
  'merge by copy, without links': (place, how) =>
    mergeSync({ ...trees(place), replaceTypes: true, strategy: 'copy', hardlink: false, keepImage: true, ...how }),
  upgrade: (place, how) => mergeSync({ ...trees(place), ledger: ledgerOf(`${place}/root`, 2), ...how }),
  unmerge: (place, how) => unmergeSync({ root: `${place}/root`, ledger: ledgerOf(`${place}/root`, 1), ...how }),
} as const satisfies Readonly<Record<string, Operation>>;

/** The control: how others merge. Neither tree is what it leaves when it is stopped, nor does it tell which. */
export const oneByOne: Operation = (place, { fs }) => {
  if (fs === undefined) throw new Error('bug: the control is given its calls');
  placeOneByOne(trees(place), fs);
};
