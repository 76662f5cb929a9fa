/** Files that are not the package's own (docs/PORTAGE.md, E), through whole merges. */
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { MergeError, type MergeOptions, type MergeReport, type PackageOptions } from '../../src/index.ts';
import { type Entry, picture, ROOT } from '../engine/world.ts';
import { installed } from './database.ts';
import { contentsOf, directory, mergeVersion, packageWorld, shown, unmergeVersion } from './package-world.ts';

/** Of each kind that is no directory. */
const kinds: readonly Entry[] = [
  directory('s'),
  { path: 's/file', content: 'new' },
  { path: 's/link', type: 'symlink', content: 'new' },
  { path: 's/link-to-directory', type: 'symlink', content: '../usr' },
  { path: 's/fifo', type: 'fifo', mode: 0o600 },
  { path: 's/device', type: 'char', mode: 0o600 },
];

const old: readonly Entry[] = [
  ...['s', 'usr'].map(directory),
  { path: 's/file', content: 'old' },
  { path: 's/link', type: 'symlink', content: 'old' },
  { path: 's/link-to-directory', content: 'old' },
  { path: 's/fifo', type: 'fifo' },
  { path: 's/device', type: 'char' },
];

const ALL = ['s/device', 's/fifo', 's/file', 's/link', 's/link-to-directory'];

function tell(act: () => unknown): MergeError {
  try {
    act();
  } catch (error) {
    if (error instanceof MergeError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** Refused with this, and nothing in the root was touched. */
function refusal(fs: MemoryPort, ledger: PackageOptions, options: Partial<MergeOptions> = {}): MergeError {
  const before = picture(fs, ROOT);
  const error = tell(() => mergeVersion(fs, '1', ledger, options));
  expect(picture(fs, ROOT)).toEqual(before);
  expect(fs.openHandles()).toBe(0);
  return error;
}

const overwritten = ({ warnings }: MergeReport): unknown[] =>
  warnings.filter(({ code }) => code === 'OVERWRITTEN').map(({ path }) => path);

describe('files that nobody owns, of every kind', () => {
  test('`refuse`: all are told at once (E.1, E.5, E.9)', () => {
    const error = refusal(packageWorld({ 1: kinds }, old), { collisions: 'refuse' });
    expect(error.problems.map(({ code, path }) => [code, path])).toEqual(ALL.map((path) => ['FILE_COLLISION', path]));
    expect(error.message.split('\n')[0]).toBe('`s/device` belongs to no package');
  });

  test.each(['protect-owned', 'warn'] as const)('`%s`: each is told, and overwritten (E.5, E.6)', (collisions) => {
    const fs = packageWorld({ 1: kinds }, old);
    expect(overwritten(mergeVersion(fs, '1', { collisions }))).toEqual(ALL);
    expect(shown(fs)).toContain('s/file "new"');
  });

  test('`ignore`: nothing is told (E.5)', () => {
    expect(mergeVersion(packageWorld({ 1: kinds }, old), '1', { collisions: 'ignore' }).warnings).toEqual([]);
  });
});

describe('files of another package', () => {
  const owned = (...contents: string[]): Entry[] => [
    ...old,
    directory('var/db/pkg/dev-libs'),
    ...installed('dev-libs/other-3', { contents }),
  ];

  test('`protect-owned`, the default: one that is owned refuses all, each named with its owners (E.5, E.6)', () => {
    const fs = packageWorld({ 1: kinds }, [
      ...owned('s/file', 's/link'),
      ...installed('dev-libs/third-1', { contents: ['s/file'] }),
    ]);
    expect(refusal(fs, {}).message.split('\n')).toEqual([
      '`s/device` belongs to no package',
      '`s/fifo` belongs to no package',
      '`s/file` belongs to dev-libs/other-3, dev-libs/third-1',
      '`s/link` belongs to dev-libs/other-3',
      '`s/link-to-directory` belongs to no package',
    ]);
  });

  test('`warn`: both packages list it then, and either takes it along (E.10)', () => {
    const fs = packageWorld({ 1: kinds }, owned('s/file'));
    const { warnings } = mergeVersion(fs, '1', { collisions: 'warn' });
    expect(warnings.map(({ message }) => message)).toContain('`s/file` belongs to dev-libs/other-3: it is overwritten');
    unmergeVersion(fs, '1');
    expect(shown(fs)).toEqual(['usr/']);
  });

  test('is found by the directory that it really is in (E.11)', () => {
    const lib: Entry[] = [directory('usr/lib'), { path: 'usr/lib/x', content: 'old' }];
    const fs = packageWorld({ 1: [directory('lib'), { path: 'lib/x', content: 'new' }] }, [
      ...owned('usr/lib/x'),
      ...lib,
      { path: 'lib', type: 'symlink', content: 'usr/lib' },
    ]);
    expect(refusal(fs, {}).message).toBe('`usr/lib/x` belongs to dev-libs/other-3');
  });

  test('the version that goes is no other package, also by another way to its directory (E.4, E.11)', () => {
    const lib = [directory('usr'), directory('usr/lib')];
    const fs = packageWorld(
      {
        1: [...lib, { path: 'usr/lib/x', content: '1' }],
        2: [directory('lib'), { path: 'lib/x', content: '2' }],
      },
      [...lib, { path: 'lib', type: 'symlink', content: 'usr/lib' }],
    );
    mergeVersion(fs, '1');
    expect(mergeVersion(fs, '2', { collisions: 'refuse' }).warnings).toEqual([]);
    expect(shown(fs)).toEqual(['lib -> usr/lib', 'usr/', 'usr/lib/', 'usr/lib/x "2"']);
  });

  test('protected files and what `--collision-ignore` names are none; a directory there stands for what is in it (E.4)', () => {
    const fs = packageWorld({ 1: kinds }, owned('s/file', 's/link'));
    const globs = { collisionIgnore: ['/s/lin*', '/s/fifo'], configProtect: ['/s/file', '/s/device'] };
    const report = mergeVersion(fs, '1', {
      ...globs,
      collisions: 'refuse',
      collisionIgnore: [...globs.collisionIgnore, '/s/device'],
    });
    expect(report.protected).toEqual([{ path: 's/file', as: '._cfg0000_file' }]);
    const again = packageWorld({ 1: kinds }, owned('s/file'));
    expect(mergeVersion(again, '1', { collisions: 'refuse', collisionIgnore: ['s'] }).warnings).toEqual([]);
  });

  test('of a package whose CONTENTS is torn nobody can tell what it owns: a file without an owner is not overwritten then (E.5)', () => {
    const fs = packageWorld({ 1: kinds }, owned('usr/x', '! obj /s/fi'));
    const { message } = refusal(fs, {});
    expect(message).toContain('`s/file` belongs to no package that is known');
    expect(message).toMatch(/`var\/db\/pkg\/dev-libs\/other-3\/CONTENTS`, line 2: /);
    // Who takes the risk may.
    mergeVersion(fs, '1', { collisions: 'warn' });
  });

  test('a half written entry of another package stops only what needs to know its files (G.1, E.5)', () => {
    const half = [directory('var/db/pkg/dev-libs'), directory('var/db/pkg/dev-libs/half-1')];
    mergeVersion(packageWorld({ 1: kinds }, half), '1');
    const { message } = refusal(packageWorld({ 1: kinds }, [...old, ...half]), {});
    expect(message).toContain('`var/db/pkg/dev-libs/half-1` has no CONTENTS: nobody knows what belongs to it');
  });
});

test('a file where a directory is needed is told once, and makes room under another name when it may (E.1)', () => {
  const deep = ['s', 's/d', 's/d/e'].map(directory);
  const fs = packageWorld({ 1: [...deep, { path: 's/d/e/1', content: '' }, { path: 's/d/2', content: '' }] }, [
    directory('s'),
    { path: 's/d', content: 'a file' },
  ]);
  expect(refusal(fs, { collisions: 'refuse' }).problems.map(({ path }) => path)).toEqual(['s/d']);
  mergeVersion(fs, '1', { collisions: 'warn' });
  expect(shown(fs)).toContain('s/d.backup.0000 "a file"');
});

describe('a symlink over a directory', () => {
  const link: Entry[] = [directory('s'), { path: 's/d', type: 'symlink', content: 'elsewhere' }];
  const there: Entry[] = [directory('s'), directory('s/d'), { path: 's/d/mine', content: 'mine' }];

  test('is refused whatever the policy is (E.2)', () => {
    for (const collisions of ['protect-owned', 'refuse', 'warn', 'ignore'] as const)
      expect(refusal(packageWorld({ 1: link }, there), { collisions }).code).toBe('TYPE_CONFLICT');
  });

  test('also where the symlink leads to a directory (E.2, E.9)', () => {
    const fs = packageWorld({ 1: [directory('s'), { path: 's/d', type: 'symlink', content: '.' }] }, there);
    expect(refusal(fs, {}).code).toBe('TYPE_CONFLICT');
  });

  test('a protected one is offered (E.2, F.3)', () => {
    const fs = packageWorld({ 1: link }, there);
    mergeVersion(fs, '1', { configProtect: ['/s'] });
    expect(shown(fs)).toEqual(['s/', 's/._cfg0000_d -> elsewhere', 's/d/', 's/d/mine "mine"']);
  });
});

describe('two entries of the image that land on one name of the root (E.7)', () => {
  const merged: readonly Entry[] = [
    ...['usr', 'usr/lib'].map(directory),
    { path: 'lib', type: 'symlink', content: 'usr/lib' },
  ];
  const both = (first: Partial<Entry>, second: Partial<Entry>): Entry[] => [
    ...['lib', 'usr', 'usr/lib'].map(directory),
    { path: 'lib/x', ...first },
    { path: 'usr/lib/x', ...second },
  ];
  const twin = { content: 'same', mode: 0o755, uid: 3, xattrs: { 'user.k': 'v' } };

  test.each([
    ['type', { type: 'symlink', xattrs: {} }],
    ['mode', { mode: 0o644 }],
    ['owner', { uid: 4 }],
    ['group', { gid: 4 }],
    ['xattrs', { xattrs: { 'user.k': 'w' } }],
    ['size', { content: 'longer' }],
    ['content', { content: 'SAME' }],
  ] as const)('are refused where their %s differs', (_what, other) => {
    const error = refusal(packageWorld({ 1: both(twin, { ...twin, ...other }) }, merged), {});
    expect([error.code, error.problems.map(({ path }) => path)]).toEqual(['IMAGE_COLLISION', ['usr/lib/x']]);
  });

  test('devices with other numbers are refused, and directories against files', () => {
    const fs = packageWorld({ 1: [...both({ type: 'fifo' }, { type: 'char' })] }, merged);
    expect(refusal(fs, {}).code).toBe('IMAGE_COLLISION');
    const mixed = [...both({ content: 'x' }, { type: 'directory' }), { path: 'usr/lib/x/in', content: '' }];
    expect(refusal(packageWorld({ 1: mixed }, merged), {}).code).toBe('IMAGE_COLLISION');
  });

  test('are refused where one goes into a directory, through a symlink, that the other takes the place of', () => {
    const link: Entry = { path: 'a', type: 'symlink', content: 'b' };
    const through: Entry[] = [directory('a'), { path: 'a/in', content: 'would be lost' }, { path: 'b', content: '' }];
    // An empty directory makes room for anything, and so does one of the version that goes.
    expect(refusal(packageWorld({ 1: through }, [directory('b'), link]), {}).code).toBe('IMAGE_COLLISION');
    const deep: Entry[] = [directory('a'), directory('a/empty'), { path: 'c', content: '' }];
    const fs = packageWorld({
      1: [directory('c'), directory('c/b'), { path: 'c/b/x', content: '' }, { ...link, content: 'c/b' }],
      2: deep,
    });
    mergeVersion(fs, '1');
    expect(() => mergeVersion(fs, '2')).toThrow(/`c\/b` would be merged into, and replaced as well/);
    expect(shown(fs)).toContain('c/b/x ""');
  });

  test.each([
    ['files', twin, { ...twin, mtime: { sec: 1_500_000_777, nsec: 0 } }],
    ['hard links of each other', twin, { link: 'lib/x' }],
    ['symlinks', { type: 'symlink', content: 'y' }, { type: 'symlink', content: 'y' }],
    ['FIFOs', { type: 'fifo' }, { type: 'fifo' }],
  ] as const)('are merged once where they are the same: %s', (_what, first, second) => {
    const entries = both(first, second);
    const alone = packageWorld(
      { 1: [directory('usr'), directory('usr/lib'), { path: 'usr/lib/x', ...first }] },
      merged,
    );
    mergeVersion(alone, '1');
    for (const strategy of ['auto', 'copy', 'double-rename']) {
      const fs = packageWorld({ 1: entries }, merged);
      const { counts } = mergeVersion(fs, '1', {}, { strategy });
      expect(counts).toMatchObject({ created: 1, identical: 1 });
      const line = 'content' in first && first.content === 'y' ? ['sym /lib/x -> y', 'sym /usr/lib/x -> y'] : undefined;
      expect(contentsOf(fs, '1')).toEqual(
        expect.arrayContaining(line ?? [expect.stringMatching(' /lib/x$'), expect.stringMatching(' /usr/lib/x$')]),
      );
      expect(shown(fs)).toEqual(shown(alone));
      // Both times in CONTENTS are that of the one file: with `keepModified` it is as it was merged, but that is not asked of a FIFO.
      unmergeVersion(fs, '1', { keepModified: !('type' in first) || first.type !== 'fifo' });
      expect(shown(fs).filter((path) => path.includes('/x'))).toEqual([]);
      // The image was consumed: both names of it.
      expect(picture(fs, ascii('/1'))).toEqual([]);
    }
  });

  test('in directories that are new, below each other, and again when the root has them already', () => {
    const deep = (top: string): Entry[] => [
      ...[top, `${top}/a`, `${top}/a/b`].map(directory),
      { path: `${top}/a/b/x`, content: 'x' },
      { path: `${top}/a/b/only ${top.length}`, content: '' },
    ];
    const entries = [directory('usr'), ...deep('lib'), ...deep('usr/lib')];
    const fs = packageWorld({ 1: entries, again: entries }, merged);
    mergeVersion(fs, '1');
    const tree = shown(fs);
    expect(tree.filter((line) => line.startsWith('usr/lib/a/b/'))).toEqual([
      'usr/lib/a/b/',
      'usr/lib/a/b/only 3 ""',
      'usr/lib/a/b/only 7 ""',
      'usr/lib/a/b/x "x"',
    ]);
    expect(mergeVersion(fs, '1', {}, { image: '/again' }).counts).toMatchObject({ created: 0, replaced: 0 });
    expect(shown(fs)).toEqual(tree);
    unmergeVersion(fs, '1');
    expect(shown(fs)).toEqual(['lib -> usr/lib']);
  });

  test('of a protected file are one update', () => {
    const fs = packageWorld({ 1: both(twin, twin) }, [...merged, { path: 'usr/lib/x', content: 'mine' }]);
    mergeVersion(fs, '1', { configProtect: ['/usr/lib', '/lib'] });
    expect(shown(fs)).toEqual(['lib -> usr/lib', 'usr/', 'usr/lib/', 'usr/lib/._cfg0000_x "same"', 'usr/lib/x "mine"']);
  });
});
