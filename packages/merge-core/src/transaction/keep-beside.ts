import { isErrno } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { join } from '../paths.ts';
import { cloneContent, copyContent } from '../strategy/content.ts';
import { makeEntry } from '../strategy/make-entry.ts';
import { entryRefusals, type Name, siteRefusals } from '../strategy/strategy.ts';
import { directoryOf, type Transaction } from './transaction.ts';

/** A second entry that an old one can be brought back from. */
export type Kept = 'link' | 'reflink' | 'copy';

/**
 * Keeps an old entry under a second name, or as a second file. @returns how it was kept: a link that the file system
 * refuses becomes a copy; undefined where a copy would not do either.
 */
export function keepBeside(
  t: Transaction,
  { directory }: { readonly directory: number },
  target: Name,
  kept: Name,
  kind: Kept,
): Kept | undefined {
  if (kind === 'link') {
    try {
      t.fs.link(target.dir, target.name, kept.dir, kept.name);
      return 'link';
    } catch (error) {
      if (!isErrno(error, ...siteRefusals, ...entryRefusals)) throw error;
      // No more links of this inode: it has other names, which a copy would not bring back.
      if (error.code === 'EMLINK') return undefined;
    }
  }
  const stat = t.fs.stat(target.dir, target.name);
  if (stat === undefined) {
    const path = join(directoryOf(t, { directory }).target, target.name);
    throw new MergeError('STAGE_FAILED', `${quoted(path)} vanished while the merge was prepared`);
  }
  // No links here (vfat): a copy of a file is as good.
  if (kind === 'link' && stat.type !== 'file') return undefined;
  makeEntry(target, stat, kept, kind === 'reflink' ? cloneContent : copyContent, t.fs);
  return kind === 'link' ? 'copy' : kind;
}
