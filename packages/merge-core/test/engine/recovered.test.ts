/** What a recovery leaves beside the tree itself: in a small world, so that every call can be its end. */
import { countCalls, Stopped, stopAfter } from '@emplace/fixtures/faults';
import type { FileHandle, FsPort } from '@emplace/fsprobe';
import { describe, expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { MergeError, type MergeOptions, mergeSync, recoverSync } from '../../src/index.ts';
import { type Entry, IMAGE, picture, ROOT, world } from './world.ts';

const old: readonly Entry[] = [
  { path: 'bin', type: 'directory', mode: 0o700 },
  { path: 'bin/tool', content: 'old', mode: 0o4755 },
  { path: 'bin/data', content: 'old' },
  { path: 'bin/same', content: 'same', mtime: { sec: 1, nsec: 1 } },
  // Two directories of the image that are one in the root, with one file twice.
  { path: 'sbin', type: 'symlink', content: 'bin' },
  { path: 'turned', type: 'directory' },
  { path: 'turned/inside', content: 'old', mode: 0o4755 },
  { path: 'users', type: 'directory' },
  { path: 'users/tool', link: 'bin/tool' },
  { path: 'users/inside', link: 'turned/inside' },
];
const fresh: readonly Entry[] = [
  { path: 'bin', type: 'directory', mode: 0o755, uid: 7, mtime: { sec: 1_400_000_000, nsec: 7 } },
  { path: 'bin/tool', content: 'new', mode: 0o4755 },
  { path: 'bin/data', content: 'new' },
  { path: 'bin/same', content: 'same' },
  { path: 'bin/twin', content: 'twin' },
  { path: 'sbin', type: 'directory', mode: 0o755, uid: 7, mtime: { sec: 1_400_000_000, nsec: 7 } },
  { path: 'sbin/twin', content: 'twin' },
  { path: 'made', type: 'directory', mtime: { sec: 1_400_000_000, nsec: 8 } },
  { path: 'made/x', content: 'x' },
  { path: 'made/left-out', content: 'excluded' },
  { path: 'turned', content: 'new' },
];
const options = {
  image: '/image',
  root: '/root',
  exclude: ['left-out'],
  replaceTypes: true,
  directories: 'image',
} as const;

/** Names that a user gave to programs of the root. */
const users = (lines: readonly string[]): string[] => lines.filter((line) => line.startsWith('users/'));
const rest = (lines: readonly string[]): string[] => lines.filter((line) => !line.startsWith('users'));
/** Directories whose time the image gives; the time of the others is that of the last name that came or went in them. */
const timed = (lines: readonly string[]): string[] => lines.filter((line) => /^(bin|made)[ /]/.test(line));

function rootTime(fs: MemoryPort): string {
  const root = fs.openRoot(ROOT);
  const { mtime } = fs.statHandle(root as number as FileHandle);
  fs.closeDir(root);
  return `${mtime.sec}.${mtime.nsec}`;
}

function wasStopped(error: unknown): boolean {
  if (error instanceof Stopped) return true;
  if (error instanceof SuppressedError) return wasStopped(error.error) || wasStopped(error.suppressed);
  return error instanceof MergeError && wasStopped(error.cause);
}

function stopMerge(fs: MemoryPort, asked: Partial<MergeOptions>, calls: number): void {
  try {
    mergeSync({ ...options, ...asked, fs: stopAfter(fs, calls) });
  } catch (error) {
    if (!wasStopped(error)) throw error;
  }
  fs.crash();
}

const kinds: [string, Partial<MergeOptions>][] = [
  ['rename', { strategy: 'rename' }],
  ['copy', { strategy: 'copy' }],
  ['double-rename without links', { strategy: 'double-rename', hardlink: false }],
];

describe.each(kinds)('after a merge by %s was killed at any call', (_name, asked) => {
  const pristine = world(old, fresh);
  const before = picture(pristine, ROOT);
  const imageBefore = picture(pristine, IMAGE, false);
  const merged = pristine.clone();
  const counted = countCalls(merged as FsPort);
  mergeSync({ ...options, ...asked, fs: counted });
  const after = picture(merged, ROOT);
  const imageAfter = picture(merged, IMAGE, false);

  test('a merge that is not stopped takes a replaced program’s setuid bits from the names that users gave it', () => {
    expect(users(after)).toEqual([
      expect.stringMatching(/^users\/inside file 755 /),
      expect.stringMatching(/^users\/tool file 755 /),
    ]);
    expect(timed(after)).toEqual(
      expect.arrayContaining([expect.stringContaining('bin directory 755 7:0  1400000000.7')]),
    );
  });

  test.each([
    ['recovery', false],
    ['a rollback', true],
  ])(
    '%s says which tree there is, warns of nothing, gives back every handle and leaves the image and times right',
    (_, rollback) => {
      const outcomes = new Set<string>();
      for (let calls = 1; calls <= counted.calls; calls++) {
        const fs = pristine.clone();
        stopMerge(fs, asked, calls);
        let report: ReturnType<typeof recoverSync>;
        try {
          report = recoverSync({ root: '/root', rollback, fs });
        } catch (error) {
          if (!(error instanceof MergeError) || error.code !== 'ROLLBACK_TOO_LATE') throw error;
          outcomes.add(error.code);
          continue;
        }
        outcomes.add(report.outcome);
        const tree = picture(fs, ROOT);
        const isNew = tree.some((line) => line.startsWith('made/x '));
        expect({ calls, warnings: report.warnings, handles: fs.openHandles() }).toEqual({
          calls,
          warnings: [],
          handles: 0,
        });
        if (report.outcome !== 'nothing-to-recover') {
          expect({ calls, outcome: report.outcome }).toEqual({ calls, outcome: isNew ? 'recovered' : 'rolled-back' });
          // With the old tree the root itself has the time that it had, though the state directory came and went in it.
          expect({ calls, isOldTime: rootTime(fs) === rootTime(pristine) }).toEqual({ calls, isOldTime: !isNew });
        }
        if (isNew) {
          expect({ calls, tree: timed(tree), users: users(tree) }).toEqual({
            calls,
            tree: timed(after),
            users: users(after),
          });
          expect({ calls, image: picture(fs, IMAGE, false) }).toEqual({ calls, image: imageAfter });
        } else {
          expect({ calls, tree: rest(tree) }).toEqual({ calls, tree: rest(before) });
          if (asked.strategy !== 'copy')
            expect({ calls, image: picture(fs, IMAGE, false) }).toEqual({ calls, image: imageBefore });
        }
      }
      const expected = rollback
        ? ['ROLLBACK_TOO_LATE', 'nothing-to-recover', 'rolled-back']
        : ['nothing-to-recover', 'recovered', 'rolled-back'];
      expect([...outcomes].sort()).toEqual(expected);
    },
  );
});

test('a plan of more than a mebibyte, which is written in pieces, is read back whole', () => {
  const xattrs = { 'user.k': 'x'.repeat(60_000) };
  const directories = Array.from({ length: 20 }, (_, at): Entry[] => [
    { path: `d${at}`, type: 'directory', xattrs },
    { path: `d${at}/x` },
    // So that the directory is made, with what the journal says of it.
    { path: `d${at}/left-out` },
  ]).flat();
  const pristine = world([], directories);
  const merged = pristine.clone();
  const counted = countCalls(merged as FsPort);
  mergeSync({ ...options, fs: counted });
  const fs = pristine.clone();
  stopMerge(fs, {}, Math.floor(counted.calls * 0.7));
  const { outcome } = recoverSync({ root: '/root', fs });
  expect(outcome).not.toBe('nothing-to-recover');
  expect(picture(fs, ROOT, false)).toEqual(outcome === 'recovered' ? picture(merged, ROOT, false) : []);
});
