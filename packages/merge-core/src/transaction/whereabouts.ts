import { filesystemName, type Stat } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import type { Placement } from '../plan/model.ts';
import type { Name } from '../strategy/strategy.ts';
import {
  imageName,
  stagedBeside,
  statName,
  type Transaction,
  targetName,
  undoBeside,
  unreachable,
} from './transaction.ts';

/** Where the two entries of a placement are found, told by inode alone (J4): what a killed merge did is read off the disk. */
export interface Whereabouts {
  /** The new entry: at its target, beside it, still in the image, under the undo name (a rollback in its middle), or nowhere. `foreign`: nowhere, and at its target is an entry that neither is the old one: somebody put it there since. */
  readonly fresh: 'placed' | 'staged' | 'in-image' | 'under-undo' | 'foreign' | 'lost';
  /** The old entry: still at the target, under the undo name, under the staged name (exchanged), or nowhere (there was none, or it is gone). */
  readonly old: 'in-place' | 'under-undo' | 'under-staged' | 'none';
  readonly names: {
    readonly target: Name;
    readonly staged: Name;
    readonly undo: Name;
    readonly image: Name | undefined;
  };
}

export function locate(t: Transaction, index: number, placement: Placement): Whereabouts {
  const target = targetName(t, placement);
  const staged = stagedBeside(t, index, placement);
  const undo = undoBeside(t, index, placement);
  const image = tryImageName(t, placement);
  const stat = (name: Name): Stat | undefined => statName(t, name);
  const atTarget = stat(target);
  const atStaged = stat(staged);
  const atUndo = placement.undo === 'none' || placement.undo === 'exchange' ? undefined : stat(undo);
  const isFresh = (found: Stat | undefined): boolean => found !== undefined && found.ino === placement.placedIno;
  const isOld = (found: Stat | undefined): boolean => found !== undefined && found.ino === placement.old?.ino;

  const names = { target, staged, undo, image };
  // One inode before and after: whether it is written cannot be told, and it can be written again as long as both copies are there.
  if (placement.action === 'overwrite')
    return { fresh: atStaged ? 'placed' : 'lost', old: atUndo ? 'under-undo' : 'none', names };
  const staysInImage = placement.staging === 'in-image';
  const fresh = (): Whereabouts['fresh'] => {
    if (isFresh(atTarget)) return 'placed';
    if (isFresh(atStaged)) return 'staged';
    if (isFresh(atUndo)) return 'under-undo';
    const inImage = image === undefined ? undefined : stat(image);
    if (staysInImage && isFresh(inImage)) return 'in-image';
    // overlay gives a file of its lower layer another inode when it is renamed: then only its absence elsewhere tells.
    const third = atTarget !== undefined && !isOld(atTarget);
    if (third && staysInImage && inImage === undefined && image !== undefined && onOverlay(t, target)) return 'placed';
    return third ? 'foreign' : 'lost';
  };
  const old = (): Whereabouts['old'] => {
    if (isOld(atTarget)) return 'in-place';
    if (placement.undo === 'exchange' && atStaged !== undefined && !isFresh(atStaged)) return 'under-staged';
    if (atUndo !== undefined && !isFresh(atUndo)) return 'under-undo';
    return 'none';
  };
  return { fresh: fresh(), old: old(), names };
}

function onOverlay(t: Transaction, { dir }: Name): boolean {
  return filesystemName(t.fs.space(dir).magic) === 'overlay';
}

/** Part of the image may be gone with the build directory. */
function tryImageName(t: Transaction, placement: Placement): Name | undefined {
  try {
    return imageName(t, placement);
  } catch (error) {
    if (isErrno(error, ...unreachable)) return undefined;
    throw error;
  }
}
