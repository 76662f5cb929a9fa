import type { FsPort, Timestamp } from '@emplace/fsprobe';
import { MergeError, quoted } from '../errors.ts';
import type { Placement } from '../plan/model.ts';
import { applyAttributes, portable } from '../strategy/attributes.ts';
import { copyContent } from '../strategy/content.ts';
import type { Name } from '../strategy/strategy.ts';
import { type Transaction, targetName, targetPath } from './transaction.ts';

/**
 * A mounted file (containers have some in /etc) cannot be renamed over: it is written through. Others see it half
 * written meanwhile, which is why it must be asked for (`busy: 'in-place'`). What is staged and what was kept both lie
 * beside it until all is done, so it can be written again, either way, after a kill.
 *
 * @throws MergeError INCOMPLETE when another file is there by now: after a restart the mount may be missing.
 */
export function writeInPlace(t: Transaction, from: Name, placement: Placement): void {
  const { fs } = t;
  const target = targetName(t, placement);
  if (!isStillMounted(t, placement)) {
    const what = `${quoted(targetPath(t, placement))} was to be written in place, but is not mounted now`;
    const how = 'mount it as it was, or run `emplace recover --rollback`, which keeps its old content beside it';
    throw new MergeError('INCOMPLETE', `${what}: ${how}`, { outcome: 'incomplete' });
  }
  copyInto(from, target, t.durable, fs);
}

/** Whether the file that was planned to be written is there: by inode and time of making, for device numbers change at a restart. */
export function isStillMounted(t: Transaction, placement: Placement): boolean {
  const { dir, name } = targetName(t, placement);
  const now = t.fs.stat(dir, name);
  const { old } = placement;
  return now?.mountRoot === true && now.ino === old?.ino && sameTime(now.born, old.born);
}

function sameTime(a: Timestamp | undefined, b: Timestamp | undefined): boolean {
  return a?.sec === b?.sec && a?.nsec === b?.nsec;
}

function copyInto(from: Name, target: Name, durable: boolean, fs: FsPort): void {
  const source = fs.openFile(from.dir, from.name);
  try {
    const to = fs.openWritable(target.dir, target.name);
    try {
      const stat = fs.statHandle(source);
      fs.truncate(to, 0);
      copyContent(source, to, stat, fs);
      applyAttributes(to, { ...stat, xattrs: portable(fs.xattrs(source)) }, fs);
      if (durable) fs.fsync(to);
    } finally {
      fs.closeFile(to);
    }
  } finally {
    fs.closeFile(source);
  }
}
