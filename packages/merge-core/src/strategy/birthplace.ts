import type { DirHandle, FileHandle, FsPort, Stat } from '@emplace/fsprobe';
import { HERE } from '../paths.ts';
import { portable } from './attributes.ts';

/** What a new file has before anything is set: what is equal already need not be set. */
export interface Born {
  readonly uid: number;
  readonly gid: number;
  /** It has no extended attributes that travel: its directory has no default ACL to hand on. */
  readonly bare: boolean;
}

/** A directory that gives every file made in it the same; which, the first one shows. */
export interface Birthplace {
  gives?: Born;
}

/**
 * A setgid bit, a mount option or a default ACL decide what a file is born with. Only the owner of the directory and root
 * change that meanwhile, so it is undefined, and each file has to be asked, where somebody else is the owner.
 */
export function birthplace(dir: DirHandle, fs: FsPort): Birthplace | undefined {
  return fs.stat(dir, HERE)?.uid === fs.uid ? {} : undefined;
}

/** What a file has that was just made there; undefined where that is not known without asking. */
export function bornIn(place: Birthplace | undefined, file: FileHandle, fs: FsPort): Born | undefined {
  if (place === undefined) return undefined;
  place.gives ??= born(fs.statHandle(file), file, fs);
  return place.gives;
}

function born({ uid, gid }: Stat, file: FileHandle, fs: FsPort): Born {
  return { uid, gid, bare: portable(fs.xattrs(file)).size === 0 };
}
