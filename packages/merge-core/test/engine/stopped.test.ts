import { countCalls, Stopped, stopAfter } from '@emplace/fixtures/faults';
import type { FsPort } from '@emplace/fsprobe';
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { type MemoryPort, memoryPort } from '../../src/fs/memory.ts';
import { MergeError, type MergeOptions, mergeSync, recoverSync } from '../../src/index.ts';
import { build, newTree, oldTree, picture, swapsNew, swapsOld } from './world.ts';

const IMAGE = ascii('/image');
const ROOT = ascii('/root');

/** A fresh root with version 1 and an image with version 2. */
function world({ swaps = false, across = false, busy = false }: Pick<Case, 'swaps' | 'across' | 'busy'>): MemoryPort {
  const fs = memoryPort(across ? { mounts: [{ path: '/image' }] } : {});
  const top = fs.openRoot(ascii('/'));
  for (const name of ['image', 'root', 'store'])
    if (fs.stat(top, ascii(name)) === undefined) fs.mkdir(top, ascii(name), 0o755);
  fs.closeDir(top);
  build(fs, ROOT, swaps ? [...oldTree, ...swapsOld] : oldTree);
  build(fs, IMAGE, swaps ? [...newTree, ...swapsNew] : newTree);
  if (busy) {
    build(fs, ascii('/store'), [{ path: 'conf', content: 'mounted', mode: 0o640, uid: 3 }]);
    fs.mount({ path: '/root/etc/conf', bind: '/store/conf' });
  }
  return fs;
}

const options = { image: '/image', root: '/root', exclude: ['left-out'] } as const;

/** Names that a merge uses while it runs, and its journal. */
function leftovers(lines: readonly string[]): string[] {
  return lines.filter((line) => line.includes('.emplace'));
}

interface Case {
  readonly name: string;
  readonly merge: Omit<MergeOptions, 'image' | 'root'>;
  readonly swaps?: boolean;
  readonly across?: boolean;
  /** One file of the root is a mount point. */
  readonly busy?: boolean;
}

const cases: readonly Case[] = [
  { name: 'rename', merge: { strategy: 'rename' } },
  { name: 'rename without links', merge: { strategy: 'rename', hardlink: false } },
  { name: 'double-rename', merge: { strategy: 'double-rename' } },
  { name: 'hardlink', merge: { strategy: 'hardlink' } },
  { name: 'reflink', merge: { strategy: 'reflink' } },
  { name: 'copy', merge: { strategy: 'copy' } },
  { name: 'copy across mounts', merge: { strategy: 'copy' }, across: true },
  { name: 'copy without links', merge: { strategy: 'copy', hardlink: false } },
  { name: 'auto', merge: {} },
  { name: 'auto across mounts', merge: {}, across: true },
  { name: 'auto that keeps the image', merge: { keepImage: true } },
  { name: 'rename, types swapped', merge: { strategy: 'rename', replaceTypes: true }, swaps: true },
  { name: 'double-rename, types swapped', merge: { strategy: 'double-rename', replaceTypes: true }, swaps: true },
  { name: 'copy, types swapped', merge: { strategy: 'copy', replaceTypes: true }, swaps: true },
  { name: 'auto, a mounted file in place', merge: { busy: 'in-place' }, busy: true },
  { name: 'directories take the image’s attributes', merge: { directories: 'image' } },
];

function stopMerge(fs: FsPort, merge: Case['merge'], calls: number): void {
  try {
    mergeSync({ ...options, ...merge, fs: stopAfter(fs, calls) });
  } catch (error) {
    if (!wasStopped(error)) throw error;
  }
}

/** The stop reaches us bare, or wrapped by what was tried after it. */
function wasStopped(error: unknown): boolean {
  if (error instanceof Stopped) return true;
  if (error instanceof SuppressedError) return wasStopped(error.error) || wasStopped(error.suppressed);
  return error instanceof MergeError && wasStopped(error.cause);
}

describe.each(cases)('a merge by $name, stopped after any call', ({ merge, ...kind }) => {
  const pristine = world(kind);
  const oldPicture = picture(pristine, ROOT, false);
  const oldExactly = picture(pristine, ROOT);
  const reference = pristine.clone();
  const counted = countCalls(reference);
  mergeSync({ ...options, ...merge, fs: counted });
  const newPicture = picture(reference, ROOT, false);
  const total = counted.calls;

  test('comes to its end when it is not stopped', () => {
    expect(leftovers(newPicture)).toEqual([]);
    expect(newPicture).not.toEqual(oldPicture);
    expect(reference.openHandles()).toBe(0);
  });

  test('is recovered to the old tree before its commit point and to the new one after it (G1, G3, J4, J7)', () => {
    let committed = false;
    for (let calls = 0; calls <= total + 1; calls++) {
      const fs = pristine.clone();
      stopMerge(fs, merge, calls);
      fs.crash();
      recoverSync({ root: '/root', fs });
      const after = picture(fs, ROOT, false);
      const isNew = after.length === newPicture.length && after.every((line, at) => line === newPicture[at]);
      // The old tree is back with the times of its directories.
      if (!isNew) expect({ calls, tree: picture(fs, ROOT) }).toEqual({ calls, tree: oldExactly });
      // Once a stop leads to the new tree every later one does.
      expect({ calls, isNew }).toEqual({ calls, isNew: isNew || !committed ? isNew : true });
      committed ||= isNew;
    }
    expect(committed).toBe(true);
  });

  test('is rolled back to the old tree as long as its undo is whole (G3, J5)', () => {
    let rolledBackAfterCommit = 0;
    for (let calls = 0; calls <= total + 1; calls += 2) {
      const fs = pristine.clone();
      stopMerge(fs, merge, calls);
      fs.crash();
      let outcome: string;
      try {
        outcome = recoverSync({ root: '/root', fs, rollback: true }).outcome;
      } catch (error) {
        // Everything is placed and undo is going: the only way is on.
        if (!(error instanceof MergeError) || error.code !== 'ROLLBACK_TOO_LATE') throw error;
        recoverSync({ root: '/root', fs });
        expect({ calls, tree: picture(fs, ROOT, false) }).toEqual({ calls, tree: newPicture });
        continue;
      }
      const tree = picture(fs, ROOT, false);
      if (tree.length === newPicture.length && tree.every((line, at) => line === newPicture[at])) {
        expect({ calls, outcome }).toEqual({ calls, outcome: 'nothing-to-recover' });
        continue;
      }
      expect({ calls, tree: picture(fs, ROOT) }).toEqual({ calls, tree: oldExactly });
      rolledBackAfterCommit++;
    }
    expect(rolledBackAfterCommit).toBeGreaterThan(0);
  });

  test('is recovered to one of the two trees even when the image was cleaned away in between (G3, J8)', () => {
    for (let calls = 1; calls <= total; calls += 3) {
      const fs = pristine.clone();
      stopMerge(fs, merge, calls);
      fs.crash();
      if (kind.across !== true) moveAside(fs);
      else for (const line of picture(fs, IMAGE).reverse()) removeFrom(fs, line);
      recoverSync({ root: '/root', fs });
      const tree = picture(fs, ROOT, false).map(withoutLinks);
      if (!same(tree, newPicture.map(withoutLinks))) {
        expect({ calls, tree }).toEqual({ calls, tree: oldPicture.map(withoutLinks) });
      }
    }
  });

  test('is recovered even when each recovery is itself stopped after any call (J7)', () => {
    const step = Math.max(1, Math.floor(total / 15));
    for (let calls = step; calls <= total; calls += step) {
      const stopped = pristine.clone();
      stopMerge(stopped, merge, calls);
      stopped.crash();
      for (const rollback of [false, true]) {
        for (let again = 1; ; again += 4) {
          const fs = stopped.clone();
          const finished = stopRecovery(fs, rollback, again);
          fs.crash();
          recoverSync({ root: '/root', fs });
          const tree = picture(fs, ROOT, false);
          const isNew = tree.length === newPicture.length && tree.every((line, at) => line === newPicture[at]);
          if (!isNew) expect({ calls, again, tree: picture(fs, ROOT) }).toEqual({ calls, again, tree: oldExactly });
          if (finished) break;
        }
      }
    }
  });
});

const withoutLinks = (line: string): string => line.replace(/ linked to .*$/, '');

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, at) => line === b[at]);
}

/** The image is no longer where the journal says. */
function moveAside(fs: FsPort): void {
  const top = fs.openRoot(ascii('/'));
  fs.rename(top, ascii('image'), top, ascii('elsewhere'));
  fs.closeDir(top);
}

/** Removes the entry that a line of a picture tells of. */
function removeFrom(fs: FsPort, line: string): void {
  const [path = '', type] = line.split(' ');
  const top = fs.openRoot(IMAGE);
  const parent = fs.openDir(top, ascii(path.slice(0, Math.max(path.lastIndexOf('/'), 0))));
  const name = ascii(path.slice(path.lastIndexOf('/') + 1));
  if (type === 'directory') fs.rmdir(parent, name);
  else fs.unlink(parent, name);
  fs.closeDir(parent);
  fs.closeDir(top);
}

/** @returns whether it came to its end before `calls`. */
function stopRecovery(fs: FsPort, rollback: boolean, calls: number): boolean {
  try {
    recoverSync({ root: '/root', rollback, fs: stopAfter(fs, calls) });
    return true;
  } catch (error) {
    if (error instanceof MergeError && error.code === 'ROLLBACK_TOO_LATE') return true;
    if (!wasStopped(error)) throw error;
    return false;
  }
}
