import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type LoopFs, makeLoopFs, mountTmpfs, unmount } from '@emplace/fixtures';
import type { Trees } from '../case.ts';
import type { Tools } from '../run/tools.ts';
import { treeOf, type Version } from '../trees/place.ts';
import { copyTree } from '../trees/versions.ts';

/** Fills a directory, which is not there yet. */
export type Fill = (top: string) => void;

export interface Shape {
  readonly kind: LoopFs | 'tmpfs';
  /** Default: empty. */
  readonly root?: Fill;
  /** A path: what is there is taken as it is. Otherwise it is made on the file system of the root. */
  readonly image: Fill | string;
}

/** Where trees are made. All of it is gone with the mount namespace. */
export interface World {
  readonly tools: Tools;
  /** A new file system with an image and a root, all written back. */
  readonly make: (shape: Shape) => Trees;
  /** Path of a tree on tmpfs: another mount than any root. */
  readonly inMemory: (version: Version) => string;
}

/** @param place an empty directory on the disk to measure with */
export function makeWorld(place: string, tools: Tools): World {
  const [disk, memory] = [join(place, 'disk'), join(place, 'memory')];
  mountTmpfs(memory, 'mode=0755,size=4g');
  return {
    tools,
    make({ kind, root: fillRoot = empty, image: fillImage }) {
      makeFs(kind, disk);
      const [root, aside] = [join(disk, 'root'), join(memory, 'aside')];
      const image = typeof fillImage === 'string' ? fillImage : join(disk, 'image');
      rmSync(aside, { recursive: true, force: true });
      mkdirSync(aside);
      fillRoot(root);
      if (typeof fillImage !== 'string') fillImage(image);
      execFileSync('sync', ['-f', disk]);
      return { image, root, aside, [Symbol.dispose]: () => unmount(disk) };
    },
    inMemory(version) {
      const top = join(memory, version);
      if (!existsSync(top)) copyTree(treeOf(version), top);
      return top;
    },
  };
}

const SIZE_MIB = 3072;

function makeFs(kind: LoopFs | 'tmpfs', dir: string): void {
  if (kind === 'tmpfs') mountTmpfs(dir, 'mode=0755,size=90%,nr_inodes=0');
  // Initialised at once: ext4 else goes on writing its tables in the background while the clock runs.
  else if (kind === 'ext4')
    makeLoopFs(kind, SIZE_MIB, dir, { mkfs: ['-E', 'lazy_itable_init=0,lazy_journal_init=0', '-N', '250000'] });
  else makeLoopFs(kind, SIZE_MIB, dir);
}

/** Nothing: for those who bring all themselves. */
export const empty: Fill = (top) => void mkdirSync(top);

/** A copy of a tree that `prepare` made. */
export function tree(version: Version): Fill {
  return (top) => copyTree(treeOf(version), top);
}

/** Files of a few bytes, with the same names each time. */
export function smallFiles({ smallFiles: program }: Tools, files: number, text: string): Fill {
  return (top) => void execFileSync(program, [top, String(files), text]);
}
