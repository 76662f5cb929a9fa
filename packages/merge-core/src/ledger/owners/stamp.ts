import type { Stat } from '@emplace/fsprobe';

/** A file that was written so short a time before it was read may be written again without its time changing: coarse clocks. */
const SETTLED_AFTER_SEC = 2;

/** CONTENTS that is not there, or is no file. */
export const ABSENT = 'absent';

/**
 * What tells one CONTENTS from a later one: inode, size and times. Not its device, whose number may be another after a
 * reboot.
 * @param nowSec seconds since 1970, before the file was read
 * @returns `''` for a file that is too fresh to be told from a later one
 */
export function stampOf(stat: Stat | undefined, nowSec: number): string {
  if (stat?.type !== 'file') return ABSENT;
  const { ino, size, mtime, born } = stat;
  if (mtime.sec > nowSec - SETTLED_AFTER_SEC) return '';
  return [ino, size, mtime.sec, mtime.nsec, born?.sec, born?.nsec].join(':');
}
