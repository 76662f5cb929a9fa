import { type DirHandle, type FsPort, mayNeverAnswer, probeRenameSync, type RenameShapes } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { MergeError, quoted } from './errors.ts';

/**
 * Refuses a file system that does not answer rename (G10). Only those are asked that another process or machine serves;
 * other processes do the asking, so that what never returns does not hang us. Not guaranteed: that it answers the next
 * time, or other calls.
 *
 * @param path for the message
 * @throws MergeError RENAME_HANGS
 */
export function checkAnswering(dir: DirHandle, path: Bytes, fs: FsPort): void {
  const reachable = fs.pathOf?.(dir);
  if (reachable === undefined || !mayNeverAnswer(fs.space(dir).magic)) return;
  const hung = hungShapes(probeRenameSync(ascii(reachable)));
  if (hung.length === 0) return;
  throw new MergeError(
    'RENAME_HANGS',
    `${quoted(path)} lies on a file system that never answers rename (${hung.join(', ')})`,
  );
}

/** The shapes of which the rename did not return. */
export function hungShapes({ shapes }: RenameShapes): string[] {
  return Object.entries(shapes)
    .filter(([, { verdict }]) => verdict === 'hung')
    .map(([shape]) => shape);
}
