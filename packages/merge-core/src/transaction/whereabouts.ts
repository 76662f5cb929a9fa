import { isErrno } from '@emplace/syscalls';
import type { Stat } from '../fs/port.ts';
import type { Placement } from '../plan/model.ts';
import type { Name } from '../strategy/strategy.ts';
import { imageName, stagedBeside, type Transaction, targetName, undoBeside } from './transaction.ts';

/** Where the two entries of a placement are found, told by inode alone (J4): what a killed merge did is read off the disk. */
export interface Whereabouts {
  /** The new entry: at its target, beside it, still in the image, under the undo name (a rollback in its middle), or nowhere. */
  readonly fresh: 'placed' | 'staged' | 'in-image' | 'under-undo' | 'lost';
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
  const stat = ({ dir, name }: Name): Stat | undefined => t.fs.stat(dir, name);
  const atTarget = stat(target);
  const atStaged = stat(staged);
  const atUndo = placement.undo === 'none' || placement.undo === 'exchange' ? undefined : stat(undo);
  const isFresh = (found: Stat | undefined): boolean =>
    found !== undefined && found.ino === (placement.stagedIno ?? placement.ino);
  const isOld = (found: Stat | undefined): boolean => found !== undefined && found.ino === placement.old?.ino;

  const names = { target, staged, undo, image };
  const staysInImage = placement.staging === 'in-image';
  const fresh = (): Whereabouts['fresh'] => {
    if (isFresh(atTarget)) return 'placed';
    if (isFresh(atStaged)) return 'staged';
    if (isFresh(atUndo)) return 'under-undo';
    const inImage = image === undefined ? undefined : stat(image);
    if (staysInImage && isFresh(inImage)) return 'in-image';
    // overlay gives a file of its lower layer another inode when it is renamed: then only its absence elsewhere tells.
    if (staysInImage && inImage === undefined && image !== undefined && atTarget !== undefined && !isOld(atTarget))
      return 'placed';
    return 'lost';
  };
  const old = (): Whereabouts['old'] => {
    if (isOld(atTarget)) return 'in-place';
    if (placement.undo === 'exchange' && atStaged !== undefined && !isFresh(atStaged)) return 'under-staged';
    if (atUndo !== undefined && !isFresh(atUndo)) return 'under-undo';
    return 'none';
  };
  return { fresh: fresh(), old: old(), names };
}

/** Part of the image may be gone with the build directory. */
function tryImageName(t: Transaction, placement: Placement): Name | undefined {
  try {
    return imageName(t, placement);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}
