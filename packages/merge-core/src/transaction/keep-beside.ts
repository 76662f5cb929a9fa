import { type Bytes, isErrno } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { join } from '../paths.ts';
import { cloneContent, copyContent } from '../strategy/content.ts';
import { makeEntry } from '../strategy/make-entry.ts';
import { entryRefusals, siteRefusals } from '../strategy/strategy.ts';
import type { Workplace } from '../threads/tasks.ts';

/** A second entry that an old one can be brought back from. */
export type Kept = 'link' | 'reflink' | 'copy';

/** An old entry that is to be kept. */
export interface KeepEntry {
  /** Of the root. */
  readonly directory: Bytes;
  readonly name: Bytes;
  /** The second name, there too. */
  readonly as: Bytes;
  readonly kind: Kept;
}

/**
 * Keeps an old entry under a second name, or as a second file. @returns how it was kept: a link that the file system
 * refuses becomes a copy; undefined where a copy would not do either.
 */
export function keepBeside(
  { directory, name, as, kind }: KeepEntry,
  { root, fs, buffer }: Pick<Workplace, 'root' | 'fs' | 'buffer'>,
): Kept | undefined {
  const dir = root.at(directory);
  if (kind === 'link') {
    try {
      fs.link(dir, name, dir, as);
      return 'link';
    } catch (error) {
      if (!isErrno(error, ...siteRefusals, ...entryRefusals)) throw error;
      // No more links of this inode: it has other names, which a copy would not bring back.
      if (error.code === 'EMLINK') return undefined;
    }
  }
  const stat = fs.stat(dir, name);
  if (stat === undefined) {
    throw new MergeError('STAGE_FAILED', `${quoted(join(directory, name))} vanished while the merge was prepared`);
  }
  // No links here (vfat): a copy of a file is as good.
  if (kind === 'link' && stat.type !== 'file') return undefined;
  makeEntry({ dir, name }, stat, { dir, name: as }, kind === 'reflink' ? cloneContent : copyContent, fs, {
    buffer,
    digests: [],
  });
  return kind === 'link' ? 'copy' : kind;
}
