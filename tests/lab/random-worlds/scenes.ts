/** Real directories to play worlds in: the same place again and again, emptied in between. */

import { mkdirSync } from 'node:fs';
import { makeLoopFs, mountTmpfs, removeTree, type TemporaryDirectory, unmount } from '@emplace/fixtures';
import { linuxPort } from '@emplace/merge-core';
import { AT_FDCWD, mknodat, S_IFSOCK } from '@emplace/syscalls';
import type { Scene } from './play.ts';

export type Kind = 'tmpfs' | 'ext4' | 'xfs' | 'btrfs';

export interface Places extends Disposable {
  /** Fresh and empty. @param apart the image on another file system than the root */
  scene(apart: boolean): Scene;
}

/** Mounts a file system, and another one beside it, below `directory`. */
export function mountPlaces(kind: Kind, directory: TemporaryDirectory): Places {
  const here = directory.make('here');
  const there = directory.make('there');
  mountTmpfs(there);
  if (kind === 'tmpfs') mountTmpfs(here);
  else makeLoopFs(kind, kind === 'ext4' ? 64 : 400, here);
  const fs = linuxPort();
  return {
    scene: (apart) => {
      const root = `${here}/root`;
      const image = `${apart ? there : here}/image`;
      for (const path of [root, `${here}/image`, `${there}/image`]) removeTree(path);
      for (const path of [root, image]) mkdirSync(path, { mode: 0o755 });
      return {
        fs,
        image,
        root,
        place: { renames: !apart, reflinks: !apart && (kind === 'xfs' || kind === 'btrfs') },
        makeSocket: (path) => mknodat(AT_FDCWD, Buffer.from(path, 'latin1'), S_IFSOCK | 0o644, 0),
      };
    },
    [Symbol.dispose]() {
      for (const path of [here, there]) unmount(path);
    },
  };
}
