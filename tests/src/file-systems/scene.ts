import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  overlay,
  removeTree,
  rsyncOracle,
  snapshotTree,
  type TreeEntry,
  type TreeSnapshot,
  writeTree,
} from '@emplace/fixtures';
import type { Place } from './places.ts';

/** An image in one place, and in another the root that it is merged into. */
export interface Scene extends Disposable {
  readonly image: string;
  readonly root: string;
  /** The root before the merge. */
  readonly before: TreeSnapshot;
  /** What rsync makes of both there. */
  readonly expected: TreeSnapshot;
}

export interface SceneTrees {
  readonly image: readonly TreeEntry[];
  readonly root: readonly TreeEntry[];
}

/**
 * Of xfs, which shows each ACL a second time under these names: rsync would take them for attributes to copy, and where
 * the image has none to remove, and the ACL with them. The other rule is its own, which the first one replaces.
 */
const XATTRS = ['--filter=-x trusted.SGI_*', '--filter=-x system.*'];

/**
 * @param name of image and root in their places; one that was used in an overlay's lower layer stays hidden there
 * @param options of rsync
 */
export function makeScene(
  name: string,
  from: Place,
  to: Place,
  trees: SceneTrees,
  options: readonly string[] = [],
): Scene {
  const [image, root, rsynced] = [
    join(from.path, `image-${name}`),
    join(to.path, `root-${name}`),
    join(to.path, `rsynced-${name}`),
  ];
  from.prepare((path) => writeNew(join(path, `image-${name}`), trees.image));
  to.prepare((path) => writeNew(join(path, `root-${name}`), trees.root));
  mkdirSync(rsynced);
  rsyncOracle(image, rsynced, ...XATTRS, ...options);
  const before = snapshotTree(root);
  const expected = overlay(before, snapshotTree(rsynced));
  removeTree(rsynced);
  const dispose = (): void => {
    removeTree(root);
    from.prepare((path) => removeTree(join(path, `image-${name}`)));
  };
  return { image, root, before, expected, [Symbol.dispose]: dispose };
}

function writeNew(path: string, entries: readonly TreeEntry[]): void {
  mkdirSync(path);
  writeTree(path, entries);
}
