import { type Bytes, isErrno } from '@emplace/syscalls';
import type { DirHandle, FileHandle } from '../fs/port.ts';
import { HERE, splitPath } from '../paths.ts';
import type { Attributes } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import { applyAttributes } from '../strategy/attributes.ts';
import type { Name } from '../strategy/strategy.ts';
import { directoryOf, type Transaction, targetName } from './transaction.ts';

/** One syncfs for each file system that the plan touches. */
export function syncTouched(t: Transaction, withImage: boolean): void {
  if (!t.durable) return;
  const synced = new Set<number>();
  const sync = (dir: DirHandle): void => {
    const dev = t.fs.stat(dir, HERE)?.dev;
    if (dev === undefined || synced.has(dev)) return;
    t.fs.syncfs(dir);
    synced.add(dev);
  };
  const touched = new Set([...t.plan.placements, ...t.plan.identical].map((entry) => entry.directory));
  for (const [directory, { target, action }] of t.plan.directories.entries()) {
    if (action !== 'keep' || touched.has(directory)) sync(nearest(t, target));
  }
  if (!withImage || t.image === undefined) return;
  const sources = new Set(
    t.plan.placements.filter((placement) => placement.staging === 'in-image').map((placement) => placement.directory),
  );
  for (const directory of sources) sync(t.image.at(directoryOf(t, { directory }).image));
}

/** The directory, or where it was before a rollback removed it. */
function nearest(t: Transaction, path: Bytes): DirHandle {
  for (let here = path; ; here = splitPath(here).parent) {
    try {
      return t.root.at(here);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }
}

/** Times of what was left alone and attributes of adopted directories: can be repeated, so recovery does it all again. */
export function* finishAttributes(t: Transaction): Steps<void> {
  for (const { directory, name, mtime, oldMtime } of t.plan.identical) {
    if (mtime.sec === oldMtime.sec && mtime.nsec === oldMtime.nsec) continue;
    const target = targetName(t, { directory, name });
    withPinned(t, target, (pinned) => t.fs.setTimes(pinned, mtime));
    yield 'finishing';
  }
  for (const { action, target, attributes } of t.plan.directories) {
    if (action !== 'adopt' || attributes === undefined) continue;
    setAttributes(t, { dir: t.root.at(target), name: HERE }, attributes);
    yield 'finishing';
  }
}

/** Times of new and adopted directories: each name that came or went touched them, undo names among them, so this comes last. */
export function* finishDirectoryTimes(t: Transaction): Steps<void> {
  for (const { target, attributes } of t.plan.directories) {
    if (attributes === undefined) continue;
    withPinned(t, { dir: t.root.at(target), name: HERE }, (pinned) => t.fs.setTimes(pinned, attributes.mtime));
    yield 'finishing';
  }
}

export function withPinned(t: Transaction, { dir, name }: Name, act: (pinned: FileHandle) => void): void {
  const pinned = t.fs.pin(dir, name);
  try {
    act(pinned);
  } finally {
    t.fs.closeFile(pinned);
  }
}

/** Gives a directory these attributes. */
export function setAttributes(t: Transaction, target: Name, attributes: Attributes): void {
  withPinned(t, target, (pinned) => applyAttributes(pinned, attributes, t.fs));
}
