import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { type MemoryPort, memoryPort } from '../../src/fs/memory.ts';
import { type EntryType, type FsPort, MergeError, mergeSync, type Name, type Strategy } from '../../src/index.ts';
import { build, type Entry, IMAGE, picture, ROOT, world } from './world.ts';

type Target = EntryType | 'nothing' | 'directory with entries' | 'symlink to a directory';
const sources: readonly EntryType[] = ['directory', 'file', 'symlink', 'fifo', 'char', 'block', 'socket'];
const targets: readonly Target[] = [...sources, 'nothing', 'directory with entries', 'symlink to a directory'];

function put(fs: MemoryPort, top: string, type: Target, content: string): void {
  const entries: Partial<Record<Target, readonly Entry[]>> = {
    nothing: [],
    'directory with entries': [
      { path: 'x', type: 'directory', mode: 0o700 },
      { path: 'x/in', content },
    ],
    'symlink to a directory': [
      { path: 'real', type: 'directory' },
      { path: 'x', type: 'symlink', content: 'real' },
    ],
  };
  if (type === 'socket') fs.makeSocket(`${top}/x`);
  else build(fs, ascii(top), entries[type] ?? [{ path: 'x', type: type as EntryType, content }]);
}

/** What stands at `x` in the root, and whether anything but the entry itself is there. */
function at(fs: FsPort): string {
  return picture(fs, ROOT, false)
    .map((line) => line.split(' ').slice(0, 2).join(' '))
    .join(', ');
}

/** What must stand there after a merge; `refused` where only --replace-types lets it through. */
function specified(source: EntryType, target: Target): { plain: string; swapped: string } {
  const both = (tree: string): { plain: string; swapped: string } => ({ plain: tree, swapped: tree });
  const real = target === 'symlink to a directory' ? 'real directory, ' : '';
  const fresh = `${real}x ${source}`;
  const kept = {
    nothing: '',
    'directory with entries': 'x directory, x/in file',
    'symlink to a directory': `${real}x symlink`,
  }[target as string];
  if (source === 'socket') return both(kept ?? `x ${target}`);
  if (source === 'directory') {
    if (target === 'nothing' || target === 'directory') return both(fresh);
    if (target === 'directory with entries' || target === 'symlink to a directory') return both(kept ?? '');
    return { plain: 'refused', swapped: fresh };
  }
  return target === 'directory with entries' ? { plain: 'refused', swapped: fresh } : both(fresh);
}

describe.each(sources)('a %s in the image', (source) => {
  test.each(targets)('over %s in the root', (target) => {
    for (const strategy of ['rename', 'double-rename', 'hardlink', 'copy']) {
      for (const replaceTypes of [false, true]) {
        const fs = memoryPort();
        const top = fs.openRoot(ascii('/'));
        for (const name of ['image', 'root']) fs.mkdir(top, ascii(name), 0o755);
        fs.closeDir(top);
        put(fs, '/root', target, 'old');
        put(fs, '/image', source, 'new');
        let found: string;
        try {
          mergeSync({ image: '/image', root: '/root', strategy, replaceTypes, fs });
          found = at(fs);
        } catch (error) {
          if (!(error instanceof MergeError)) throw error;
          expect(error.code).toBe('TYPE_CONFLICT');
          found = 'refused';
        }
        const { plain, swapped } = specified(source, target);
        expect({ strategy, replaceTypes, found }).toEqual({
          strategy,
          replaceTypes,
          found: replaceTypes ? swapped : plain,
        });
      }
    }
  });
});

describe('a directory over a symlink to a directory', () => {
  test('keeps the symlink and goes through it, absolute targets resolved inside the root (G6)', () => {
    for (const content of ['usr/lib', '/usr/lib', '../../../usr/lib', '/../usr/./lib//', 'via']) {
      const fs = world(
        [
          { path: 'usr', type: 'directory' },
          { path: 'usr/lib', type: 'directory' },
          { path: 'via', type: 'symlink', content: '/usr/lib' },
          { path: 'lib', type: 'symlink', content },
        ],
        [{ path: 'lib', type: 'directory' }, { path: 'lib/x' }, { path: 'lib/new', type: 'directory' }],
      );
      mergeSync({ image: '/image', root: '/root', fs });
      expect({ content, tree: at(fs) }).toEqual({
        content,
        tree: 'lib symlink, usr directory, usr/lib directory, usr/lib/new directory, usr/lib/x file, via symlink',
      });
    }
  });
});

test('a socket is skipped with a warning, wherever it lies', () => {
  const fs = world([], [{ path: 'd', type: 'directory' }, { path: 'd/file' }]);
  fs.makeSocket('/image/d/socket');
  const report = mergeSync({ image: '/image', root: '/root', fs });
  expect(report.warnings.map(({ code, path }) => `${code} ${path}`)).toEqual(['SOCKET_SKIPPED d/socket']);
  expect(report.counts).toMatchObject({ created: 2, skipped: 1 });
  expect(at(fs)).toBe('d directory, d/file file');
  // What was not merged is not thrown away either.
  expect(picture(fs, IMAGE, false).map((line) => line.split(' ')[0])).toEqual(['d', 'd/socket']);
});

test('a package manager’s own strategy is used like the built-in ones', () => {
  const staged: string[] = [];
  const mine: Strategy = {
    name: 'mine',
    traits: { staging: 'made', links: true, copies: false },
    refusedAt: () => undefined,
    stage: (source: Name, _stat, to: Name, fs: FsPort) => {
      staged.push(source.name);
      fs.link(source.dir, source.name, to.dir, to.name);
      return undefined;
    },
  };
  const fs = world([{ path: 'a', content: 'old' }], [{ path: 'a', content: 'new' }]);
  const report = mergeSync({ image: '/image', root: '/root', strategy: 'mine', strategies: [mine], fs });
  expect(staged).toEqual(['a']);
  expect(report.strategies).toEqual({ mine: 1 });
});

test('an identical entry keeps its inode, and only its time is set', () => {
  const entry = { path: 'same', content: 'same', xattrs: { 'user.k': 'v' } };
  const fs = world([{ ...entry, mtime: { sec: 1, nsec: 2 } }], [{ ...entry, mtime: { sec: 3, nsec: 4 } }]);
  const root = fs.openRoot(ROOT);
  const before = fs.stat(root, ascii('same'))?.ino;
  expect(mergeSync({ image: '/image', root: '/root', fs }).counts).toMatchObject({ identical: 1, replaced: 0 });
  expect(fs.stat(root, ascii('same'))).toMatchObject({ ino: before, mtime: { sec: 3, nsec: 4 } });
});

test('two directories of the image that are one in the root are merged into it, new directories too (merged /usr)', () => {
  for (const strategy of ['rename', 'copy']) {
    const fs = world(
      [
        { path: 'usr', type: 'directory' },
        { path: 'usr/lib', type: 'directory' },
        { path: 'lib', type: 'symlink', content: 'usr/lib' },
      ],
      [
        { path: 'lib', type: 'directory' },
        { path: 'lib/foo', type: 'directory' },
        { path: 'lib/foo/deep', type: 'directory' },
        { path: 'lib/foo/deep/a' },
        { path: 'usr', type: 'directory' },
        { path: 'usr/lib', type: 'directory' },
        { path: 'usr/lib/foo', type: 'directory' },
        { path: 'usr/lib/foo/deep', type: 'directory' },
        { path: 'usr/lib/foo/deep/b' },
      ],
    );
    mergeSync({ image: '/image', root: '/root', strategy, fs });
    expect(at(fs)).toBe(
      'lib symlink, usr directory, usr/lib directory, usr/lib/foo directory, usr/lib/foo/deep directory, ' +
        'usr/lib/foo/deep/a file, usr/lib/foo/deep/b file',
    );
    expect(picture(fs, IMAGE)).toEqual([]);
  }
});

test('a graft with more directories than are held open at once goes in whole, by every strategy', () => {
  const fresh: Entry[] = ['s', 's/d'].map((path) => ({ path, type: 'directory' }));
  for (let i = 0; i < 150; i++)
    fresh.push({ path: `s/d/${i}`, type: 'directory' }, { path: `s/d/${i}/f`, content: `${i}` });
  for (const strategy of ['rename', 'double-rename', 'hardlink', 'reflink', 'copy']) {
    const fs = world([{ path: 's', type: 'directory' }], fresh);
    const image = picture(fs, IMAGE, false);
    mergeSync({ image: '/image', root: '/root', strategy, fs });
    expect(picture(fs, ROOT, false)).toEqual(image);
    expect(fs.openHandles()).toBe(0);
  }
});
