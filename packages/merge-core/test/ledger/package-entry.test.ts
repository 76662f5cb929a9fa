/** What the database says of a package that was merged (docs/PORTAGE.md, A and G), and how its versions follow each other. */
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { type Entry, picture, ROOT } from '../engine/world.ts';
import { installed } from './database.ts';
import {
  contentsOf,
  directory,
  edit,
  first,
  mergeVersion,
  packageWorld,
  readIn,
  rm,
  second,
  shown,
  statIn,
  unmergeVersion,
} from './package-world.ts';

const ENTRY = 'var/db/pkg/app-misc/app-1';

/** Names in a directory of the root. */
function names(fs: ReturnType<typeof packageWorld>, path: string): string[] {
  const dir = fs.openRoot(ascii(`/root/${path}`));
  const found = fs.list(dir).map(({ name }) => String(name));
  fs.closeDir(dir);
  return found.sort();
}

describe('the entry', () => {
  test('has the build info, what the merge adds, and nothing else; it is readable by all (A.12, G.1, G.6)', () => {
    const fs = packageWorld({ 1: first });
    mergeVersion(fs, '1');
    expect(names(fs, ENTRY)).toEqual([
      'CATEGORY',
      'CONTENTS',
      'COUNTER',
      'EAPI',
      'EMPLACE',
      'PF',
      'SLOT',
      'repository',
    ]);
    const files = ['CATEGORY', 'PF', 'SLOT', 'EAPI', 'repository', 'COUNTER'].map((name) =>
      readIn(fs, `${ENTRY}/${name}`),
    );
    expect(files).toEqual(['app-misc\n', 'app-1\n', '0\n', '8\n', 'gentoo\n', '42']);
    expect(statIn(fs, ENTRY)).toMatchObject({ mode: 0o755, uid: 0 });
    for (const name of names(fs, ENTRY)) expect([name, statIn(fs, `${ENTRY}/${name}`)?.mode]).toEqual([name, 0o644]);
  });

  test('has CONTENTS sorted, each directory before what is in it (B.2, G.2)', () => {
    const fs = packageWorld({ 1: first });
    mergeVersion(fs, '1');
    const paths = contentsOf(fs, '1').map((line) => line.replace(/^\w+ (\S.*?)( -> .*)?$/, '$1'));
    expect(paths).toEqual([...paths].sort());
    expect(contentsOf(fs, '1').slice(0, 3)).toEqual(['dir /etc', 'obj /etc/app.conf', 'dir /etc/app.d']);
  });

  test('tells others by the times of the database and the category that something changed (A.2)', () => {
    const fs = packageWorld({ 1: first, 2: second });
    const times = (): bigint[] =>
      ['var/db/pkg', 'var/db/pkg/app-misc'].map((path) => {
        const { sec = 0, nsec = 0 } = statIn(fs, path)?.mtime ?? {};
        return BigInt(sec) * 1_000_000_000n + BigInt(nsec);
      });
    let before = times();
    for (const act of [() => mergeVersion(fs, '1'), () => mergeVersion(fs, '2'), () => unmergeVersion(fs, '2')]) {
      act();
      const now = times();
      expect(now.every((time, i) => time > (before[i] ?? 0n))).toBe(true);
      before = now;
    }
  });

  test('of a dead merge under `-MERGING-` is cleared away, of this version only (A.9, G.8)', () => {
    const fs = packageWorld({ 1: first }, [
      ...['-MERGING-app-1', '-MERGING-app-0'].map((name) => directory(`var/db/pkg/app-misc/${name}`)),
      { path: 'var/db/pkg/app-misc/-MERGING-app-1/CONTENTSx3hd81ab', content: 'half' },
    ]);
    mergeVersion(fs, '1');
    expect(names(fs, 'var/db/pkg/app-misc')).toEqual(['-MERGING-app-0', '.app:0.portage_lockfile', 'app-1']);
    expect(names(fs, ENTRY)).not.toContain('CONTENTSx3hd81ab');
  });

  test('is whole where its category is new, and with it goes (G.9)', () => {
    const fs = packageWorld({ 1: first }, []);
    rm(fs, 'var/db/pkg/app-misc');
    mergeVersion(fs, '1');
    expect(names(fs, 'var/db/pkg')).toEqual(['app-misc']);
    expect(names(fs, 'var/db/pkg/app-misc')).toEqual(['app-1']);
    unmergeVersion(fs, '1');
    expect(names(fs, 'var/db/pkg')).toEqual([]);
  });

  test('is made in a root that has no database at all', () => {
    const fs = packageWorld({ 1: first });
    rm(fs, 'var');
    mergeVersion(fs, '1');
    expect(readIn(fs, `${ENTRY}/COUNTER`)).toBe('0');
    unmergeVersion(fs, '1');
    expect(shown(fs)).toEqual([]);
  });
});

describe('COUNTER (G.7)', () => {
  test.each([
    ['the last one that was given out', '41', '7', '42'],
    ['that of a package, where the file is behind', '5', '99', '100'],
    ['the packages alone, where there is no file', undefined, '12', '13'],
  ])('follows %s', (_what, last, other, expected) => {
    const fs = packageWorld({ 1: first }, [
      directory('var/db/pkg/a-b'),
      ...installed('a-b/other-1', { contents: [], files: { COUNTER: other } }),
    ]);
    if (last === undefined) rm(fs, 'var/cache/edb/counter');
    else edit(fs, 'var/cache/edb/counter', last);
    mergeVersion(fs, '1');
    expect([readIn(fs, `${ENTRY}/COUNTER`), readIn(fs, 'var/cache/edb/counter')]).toEqual([expected, expected]);
    unmergeVersion(fs, '1');
    // What was given out once is not given out again.
    expect(readIn(fs, 'var/cache/edb/counter')).toBe(expected);
  });
});

describe('versions that follow each other', () => {
  test('an upgrade leaves the files of the new one and one entry (A.15, A.16)', () => {
    const fs = packageWorld({ 1: first, 2: second });
    mergeVersion(fs, '1');
    const report = mergeVersion(fs, '2');
    expect(report.ledger?.replaced).toEqual(['app-misc/app-1']);
    expect(names(fs, 'var/db/pkg/app-misc')).toEqual(['.app:0.portage_lockfile', 'app-2']);
    const alone = packageWorld({ 2: second });
    mergeVersion(alone, '2');
    expect(shown(fs)).toEqual(shown(alone));
    expect(contentsOf(fs, '2')).toEqual(contentsOf(alone, '2'));
    // Four files and the entry.
    expect(report.counts.removed).toBe(5);
  });

  test('the same version again replaces its entry, with a new COUNTER (A.16)', () => {
    const fs = packageWorld({ 1: first, again: first });
    mergeVersion(fs, '1');
    const report = mergeVersion(fs, '1', {}, { image: '/again' });
    expect([report.ledger?.replaced, readIn(fs, `${ENTRY}/COUNTER`)]).toEqual([[], '43']);
  });

  test('another slot stays, unless it is named (A.4, A.17)', () => {
    const files = [directory('s'), { path: 's/a', content: '' }];
    const fs = packageWorld({ 1: files, 2: files, 3: files });
    mergeVersion(fs, '1', { slot: '1/1.5' });
    expect(readIn(fs, `${ENTRY}/SLOT`)).toBe('1/1.5\n');
    // Its files collide then.
    expect(() => mergeVersion(fs, '2', { slot: '2' })).toThrow(/belongs to app-misc\/app-1/);
    mergeVersion(fs, '2', { slot: '2', collisions: 'ignore' });
    expect(names(fs, 'var/db/pkg/app-misc').filter((name) => name.startsWith('app'))).toEqual(['app-1', 'app-2']);
    mergeVersion(fs, '3', { slot: '2', replace: ['app-misc/app-1'] });
    expect(names(fs, 'var/db/pkg/app-misc').filter((name) => name.startsWith('app'))).toEqual(['app-3']);
    unmergeVersion(fs, '3');
    expect(shown(fs)).toEqual([]);
  });

  test('a package of another name and category gives way where it is named, and its category goes with it (A.17)', () => {
    const old = [directory('s'), { path: 's/old', content: 'old' }, { path: 's/both', content: 'old' }];
    const fs = packageWorld({ 1: [directory('s'), { path: 's/both', content: 'new' }] }, [
      ...old,
      directory('var/db/pkg/old-cat'),
      ...installed('old-cat/before-9', { contents: ['dir s', 's/old', 's/both'] }),
    ]);
    // Of another package no version can be lower.
    const report = mergeVersion(fs, '1', { replace: ['old-cat/before-9'], collisions: 'refuse' });
    expect(report.ledger?.replaced).toEqual(['old-cat/before-9']);
    expect(shown(fs)).toEqual(['s/', 's/both "new"']);
    expect(names(fs, 'var/db/pkg')).toEqual(['app-misc']);
  });

  test('a directory that two versions of the slot share goes when both do, and each name once', () => {
    const mine = (path: string): Entry[] => [
      directory('s'),
      { path: `s/${path}`, content: path },
      { path: 's/both', content: '' },
    ];
    const fs = packageWorld({ 3: [] }, [
      ...mine('1'),
      { path: 's/2', content: '2' },
      ...installed('app-misc/app-1', { contents: ['dir s', 's/1', 's/both'], files: { COUNTER: '1' } }),
      ...installed('app-misc/app-2', { contents: ['dir s', 's/2', 's/both'], files: { COUNTER: '2' } }),
    ]);
    const { counts } = mergeVersion(fs, '3');
    // Three files and two database entries.
    expect([shown(fs), counts.removed]).toEqual([[], 5]);
  });

  test('without a database a list alone is kept, and what it had before and has no more goes', () => {
    const list = { package: undefined, buildInfo: undefined, contents: '/root/var/lib/list' } as never;
    const fs = packageWorld({ 1: first, 2: second });
    mergeVersion(fs, '1', list);
    mergeVersion(fs, '2', list);
    const alone = packageWorld({ 2: second });
    mergeVersion(alone, '2');
    expect(shown(fs)).toEqual(shown(alone));
    expect(readIn(fs, 'var/lib/list')).toBe(readIn(alone, 'var/db/pkg/app-misc/app-2/CONTENTS'));
    expect(names(fs, 'var/db/pkg/app-misc')).toEqual(['.app:0.portage_lockfile']);
    unmergeVersion(fs, '2', list);
    expect([shown(fs), names(fs, 'var/lib')]).toEqual([
      [],
      ['emplace', 'portage'].filter((n) => names(fs, 'var/lib').includes(n)),
    ]);
  });
});

describe('INSTALL_MASK (A.5, H)', () => {
  const entries: Entry[] = [
    ...['usr', 'usr/share', 'usr/share/doc', 'usr/share/locale', 'usr/share/locale/de', 'usr/share/locale/en'].map(
      directory,
    ),
    { path: 'usr/share/doc/README', content: 'r' },
    { path: 'usr/share/locale/de/x.mo', content: 'de' },
    { path: 'usr/share/locale/en/x.mo', content: 'en' },
    { path: 'usr/share/link', type: 'symlink', content: 'doc' },
    { path: 'usr/x.la', content: 'la' },
  ];
  const installMask = '/usr/share/doc /usr/share/locale -/usr/share/locale/en/* *.la /usr/share/link';

  test('keeps entries out of the root, CONTENTS, collisions and a graft; a masked directory stays for what is in it', () => {
    const fs = packageWorld({ 1: entries }, [directory('usr'), { path: 'usr/x.la', content: 'of somebody' }]);
    const report = mergeVersion(fs, '1', { installMask, collisions: 'refuse' });
    expect(shown(fs)).toEqual([
      'usr/',
      'usr/share/',
      'usr/share/locale/',
      'usr/share/locale/en/',
      'usr/share/locale/en/x.mo "en"',
      'usr/x.la "of somebody"',
    ]);
    expect(contentsOf(fs, '1')).toEqual([
      'dir /usr',
      'dir /usr/share',
      'dir /usr/share/locale',
      'dir /usr/share/locale/en',
      'obj /usr/share/locale/en/x.mo',
    ]);
    expect(report.counts.skipped).toBeGreaterThan(0);
  });

  test('what an upgrade masks goes with the old version (A.5)', () => {
    const fs = packageWorld({ 1: entries, 2: entries });
    mergeVersion(fs, '1');
    mergeVersion(fs, '2', { installMask });
    expect(shown(fs)).toHaveLength(5);
    unmergeVersion(fs, '2');
    expect(shown(fs)).toEqual([]);
  });

  test.each([
    ['/foo/bar/ -/foo/bar/*.foo -*.baz', ['foo/', 'foo/bar/', 'foo/bar/baz.baz', 'foo/bar/baz.foo']],
    ['/foo/bar -/foo/bar/*.foo -*.baz', ['foo/', 'foo/bar/', 'foo/bar/baz.baz', 'foo/bar/baz.foo']],
    ['/foo/', []],
  ])('%s (Case 5)', (mask, expected) => {
    const fs = packageWorld({
      1: [
        ...['foo', 'foo/bar'].map(directory),
        ...['baz', 'baz.foo', 'baz.baz', 'baz.bar'].map((name) => ({ path: `foo/bar/${name}`, content: '' })),
        { path: 'foo/baz', type: 'symlink' as const, content: 'bar' },
      ],
    });
    mergeVersion(fs, '1', { installMask: `${mask} /foo/baz` });
    expect(shown(fs).map((line) => line.split(' ')[0])).toEqual(expected);
  });
});

test('what the image brings where the ledger writes is refused', () => {
  for (const path of [
    ...['var/db/pkg', 'var/db/.pkg.portage_lockfile', 'var/db/.pkg.emplace-owners'],
    ...['var/cache/edb/counter', 'var/lib/portage/config', 'var/lib/emplace/pristine'],
  ]) {
    const parts = path.split('/');
    const parents = parts.slice(1).map((_, i) => directory(parts.slice(0, i + 1).join('/')));
    const fs = packageWorld({ 1: [...parents, { path, content: 'forged' }] });
    const before = picture(fs, ROOT);
    expect(() => mergeVersion(fs, '1')).toThrow(expect.objectContaining({ code: 'IMAGE_COLLISION' }));
    expect(picture(fs, ROOT)).toEqual(before);
  }
});
