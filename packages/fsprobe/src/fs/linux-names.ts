/**
 * Calls that change names, and what to make of EINTR from them: a file system that is served by another process may
 * have done the work before it was interrupted. What is there then tells, and only what was not done is done again.
 *
 * Not guaranteed: for RENAME_EXCHANGE, which looks the same done twice as not done. Who knows the inodes asks again.
 */

import type { Bytes } from '@emplace/syscalls';
import * as sys from '@emplace/syscalls';
import type { DirHandle, EntryType, Stat } from './port.ts';

type Find = (at: DirHandle, name: Bytes) => Stat | undefined;

export function rename(from: DirHandle, source: Bytes, to: DirHandle, target: Bytes, find: Find): void {
  untilDone(
    () => sys.renameat(from, source, to, target),
    () => find(from, source) === undefined,
  );
}

export function renameNew(from: DirHandle, source: Bytes, to: DirHandle, target: Bytes, find: Find): void {
  untilDone(
    () => sys.renameat2(from, source, to, target, sys.RENAME_NOREPLACE),
    () => find(from, source) === undefined,
  );
}

export function link(from: DirHandle, source: Bytes, to: DirHandle, target: Bytes, find: Find): void {
  untilDone(
    () => sys.linkat(from, source, to, target),
    () => {
      const [first, second] = [find(from, source), find(to, target)];
      return first !== undefined && first.ino === second?.ino && first.dev === second.dev;
    },
  );
}

export function remove(at: DirHandle, name: Bytes, flags: number, find: Find): void {
  untilDone(
    () => sys.unlinkat(at, name, flags),
    () => find(at, name) === undefined,
  );
}

/** Makes an entry that is no regular file. One of the wanted type that belongs to us, and was not there, is ours. */
export function make(at: DirHandle, name: Bytes, type: EntryType, act: () => void, find: Find): void {
  untilDone(act, () => {
    const made = find(at, name);
    return made?.type === type && made.uid === sys.geteuid();
  });
}

/** Opens a new file. One that an interrupted call left is empty and has a single name: it makes room for another. */
export function create(at: DirHandle, name: Bytes, act: () => number, find: Find): number {
  for (;;) {
    try {
      return act();
    } catch (error) {
      if (!sys.isErrno(error, 'EINTR')) throw error;
      const left = find(at, name);
      if (left?.type === 'file' && left.size === 0 && left.nlink === 1 && left.uid === sys.geteuid())
        remove(at, name, 0, find);
    }
  }
}

function untilDone(act: () => void, isDone: () => boolean): void {
  for (;;) {
    try {
      act();
      return;
    } catch (error) {
      if (!sys.isErrno(error, 'EINTR')) throw error;
      if (isDone()) return;
    }
  }
}
