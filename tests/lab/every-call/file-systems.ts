import { makeLoopFs, mountTmpfs, type TemporaryDirectory, unmount } from '@emplace/fixtures';

/** Where each call of the engine is made to fail, and is the last one. */
export type LabFs = 'tmpfs' | 'ext4' | 'xfs' | 'btrfs';

/** Small, and in memory: every trial syncs. Gone with the `using` block. */
export function mountLabFs(kind: LabFs, work: TemporaryDirectory): Disposable & { readonly path: string } {
  using mounts = new DisposableStack();
  const memory = work.at(`memory for ${kind}`);
  mountTmpfs(memory);
  mounts.adopt(memory, unmount);
  const path = kind === 'tmpfs' ? memory : work.at(kind);
  if (kind !== 'tmpfs') {
    makeLoopFs(kind, kind === 'xfs' ? 320 : 256, path, { below: memory });
    mounts.adopt(path, unmount);
  }
  const kept = mounts.move();
  return { path, [Symbol.dispose]: () => kept.dispose() };
}
