/** What a read-only file system answers without a file of ours. */
import { randomBytes } from 'node:crypto';
import { ascii, isErrno } from '@emplace/syscalls';
import { type Fact, refused } from './fact.ts';
import type { Workbench } from './workbench.ts';

/**
 * Asked with a name that nothing has: that the mounts differ (EXDEV) or are read-only (EROFS) is seen before any name
 * is looked up (fs/namei.c, do_renameat2).
 */
export function renameReadOnly({ parents: { source, target }, fs }: Workbench): Fact {
  const nothing = ascii(`.emplace-probe-${randomBytes(16).toString('hex')}`);
  try {
    fs.rename(source, nothing, target, nothing);
    throw new Error('bug: a name that nobody could know was taken');
  } catch (error) {
    // ENOENT: a read-only subvolume of one mount, which sees it when it is to change something.
    if (isErrno(error, 'EXDEV')) return refused('EXDEV');
    if (isErrno(error)) return refused('EROFS');
    throw error;
  }
}

/** A new name is refused before the mounts are compared (filename_create); where only the source is read-only they differ. */
export function linkReadOnly(bench: Workbench): Fact {
  try {
    void bench.target;
    return refused('EXDEV');
  } catch (error) {
    if (isErrno(error, 'EROFS')) return refused('EROFS');
    throw error;
  }
}
