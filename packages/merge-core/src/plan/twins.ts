import type { FsPort } from '@emplace/fsprobe';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE } from '../paths.ts';
import { nothingLost } from './carry.ts';
import { isIdentical } from './identical.ts';
import type { Identical, Placement, Plan } from './model.ts';

/** An entry of a plan, by its name in the image. */
export type ImageName = Pick<Placement | Identical, 'directory' | 'name'>;

/**
 * Whether two entries of the image, which land on one name of the root through a symlink there, are the same but for their
 * time (E.7): then either may be placed. Directories never are: what is in them is compared instead.
 */
export function areTwins(
  { directories }: Pick<Plan, 'directories'>,
  image: OpenDirectories,
  fs: FsPort,
): (first: ImageName, second: ImageName) => boolean {
  const directoryOf = (entry: ImageName) => image.at(directories[entry.directory]?.image ?? HERE);
  return (first, second) => {
    if (first.name !== second.name) return false;
    const pair = { image: directoryOf(first), root: directoryOf(second), name: first.name };
    const [one, other] = [fs.stat(pair.image, first.name), fs.stat(pair.root, second.name)];
    if (one === undefined || other === undefined || one.type === 'directory') return false;
    return isIdentical(pair, one, other, nothingLost, false, fs);
  };
}
