import { type DirHandle, type FileHandle, restoreTime, type Timestamp } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { HERE, join, splitPath } from '../paths.ts';
import type { Attributes } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import { applyAttributes } from '../strategy/attributes.ts';
import type { Name } from '../strategy/strategy.ts';
import { directoryOf, openTarget, type Transaction, targetName, unreachable, warnOfLeft } from './transaction.ts';

/** One syncfs for each file system that the plan touches. */
export function syncTouched(t: Transaction, withImage: boolean): void {
  syncAllBut(undefined, t, withImage);
}

/**
 * (J12) Before the journal goes: names that were removed on another file system than its own would be back after a power cut, an old setuid
 * program among them, and nobody would know of them. On its own they cannot come back without it.
 */
export function syncBeyondJournal(t: Transaction): void {
  if (t.durable) syncAllBut(t.fs.stat(t.root.at(HERE), HERE)?.dev, t, false);
}

function syncAllBut(spared: number | undefined, t: Transaction, withImage: boolean): void {
  if (!t.durable) return;
  const synced = new Set<number | undefined>([spared]);
  const sync = (dir: DirHandle): void => {
    const dev = t.fs.stat(dir, HERE)?.dev;
    if (dev === undefined || synced.has(dev)) return;
    t.fs.syncfs(dir);
    synced.add(dev);
  };
  const touched = new Set<number>();
  const sources = new Set<number>();
  for (const { directory, staging } of t.plan.placements) {
    touched.add(directory);
    if (staging === 'in-image') sources.add(directory);
  }
  for (const { directory } of t.plan.identical) touched.add(directory);
  for (const { directory } of t.plan.removals) touched.add(directory);
  for (const [directory, { target, action }] of t.plan.directories.entries()) {
    if (action === 'make' || action === 'adopt' || touched.has(directory)) sync(nearest(t, target));
  }
  if (!withImage || t.image === undefined) return;
  for (const directory of sources) sync(t.image.at(directoryOf(t, { directory }).image ?? HERE));
}

/** The directory, or where it was before a rollback removed it. */
function nearest(t: Transaction, path: Bytes): DirHandle {
  for (let here = path; ; here = splitPath(here).parent) {
    const dir = openTarget(t, here);
    if (dir !== undefined) return dir;
  }
}

/** Times of what was left alone and attributes of adopted directories: can be repeated, so recovery does it all again. */
export function* finishAttributes(t: Transaction): Steps<void> {
  for (const { directory, name, mtime, oldMtime } of t.plan.identical) {
    if (mtime.sec === oldMtime.sec && mtime.nsec === oldMtime.nsec) continue;
    setTimeIfThere(t, { directory, name }, oldMtime, mtime);
    yield 'finishing';
  }
  for (const { action, target, old, attributes } of t.plan.directories) {
    if (action !== 'adopt' || attributes === undefined || old === undefined) continue;
    giveAttributes(t, target, old, attributes);
    yield 'finishing';
  }
}

/** Times of new and adopted directories: each name that came or went touched them, undo names among them, so this comes last. */
export function* finishDirectoryTimes(t: Transaction): Steps<void> {
  for (const { target, attributes } of t.plan.directories) {
    if (attributes === undefined) continue;
    const dir = openTarget(t, target);
    if (dir !== undefined) setTime(t, { dir, name: HERE }, attributes.mtime);
    yield 'finishing';
  }
}

/** (G1) Directories that were there get the time back that they had before names came and went in them. */
export function restoreDirectoryTimes(t: Transaction): void {
  for (const { target, oldMtime } of t.plan.directories) {
    const dir = oldMtime === undefined ? undefined : openTarget(t, target);
    if (dir !== undefined && oldMtime !== undefined) restoreTime(dir, oldMtime, t.fs);
  }
}

/**
 * Sets the time of an entry that was left alone, from one to another, again if need be. Somebody may have removed it since, or put a
 * hard link there to a file anywhere: then there is nothing to set.
 */
export function setTimeIfThere(
  t: Transaction,
  entry: { readonly directory: number; readonly name: Bytes },
  from: Timestamp,
  to: Timestamp,
): void {
  try {
    withPinned(t, targetName(t, entry), (pinned) => {
      const { mtime } = t.fs.statHandle(pinned);
      if (isSameTime(mtime, from)) t.fs.setTimes(pinned, to);
      else if (!isSameTime(mtime, to))
        warnOfLeft(t, join(directoryOf(t, entry).target, entry.name), 'was replaced by somebody: it keeps its time');
    });
  } catch (error) {
    if (!isErrno(error, ...unreachable)) throw error;
    warnOfLeft(t, join(directoryOf(t, entry).target, entry.name), 'is gone: somebody removed it');
  }
}

function setTime(t: Transaction, name: Name, mtime: Timestamp): void {
  withPinned(t, name, (pinned) => t.fs.setTimes(pinned, mtime));
}

function withPinned(t: Transaction, { dir, name }: Name, act: (pinned: FileHandle) => void): void {
  const pinned = t.fs.pin(dir, name);
  try {
    act(pinned);
  } finally {
    t.fs.closeFile(pinned);
  }
}

function isSameTime(a: Timestamp, b: Timestamp): boolean {
  return a.sec === b.sec && a.nsec === b.nsec;
}

/**
 * Gives a directory other attributes, if it is where it was and has those that it should have, or some of the new ones: who owns the directory above can
 * have put another one there, which would get an owner that may look into it.
 */
export function giveAttributes(t: Transaction, target: Bytes, from: Attributes, to: Attributes): void {
  const dir = openTarget(t, target);
  if (dir === undefined) return;
  withPinned(t, { dir, name: HERE }, (pinned) => {
    const { uid, gid, mode } = t.fs.statHandle(pinned);
    const isExpected =
      (uid === from.uid || uid === to.uid) &&
      (gid === from.gid || gid === to.gid) &&
      [from.mode, to.mode].some((one) => (one & 0o777) === (mode & 0o777));
    if (isExpected) applyAttributes(pinned, to, t.fs);
    else warnOfLeft(t, target, 'was replaced by somebody: it keeps its owner and mode');
  });
}
