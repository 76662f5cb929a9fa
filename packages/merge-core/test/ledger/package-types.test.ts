/** Every type of the image over every type of the root (docs/PORTAGE.md, C), through whole merges. */
import { describe, expect, test } from '@jest/globals';
import { MergeError } from '../../src/index.ts';
import type { Entry } from '../engine/world.ts';
import {
  contentsOf,
  directory,
  edit,
  mergeVersion,
  packageWorld,
  retarget,
  shown,
  statIn,
  unmergeVersion,
} from './package-world.ts';

const OTHER: readonly Entry[] = [directory('s'), directory('s/real'), { path: 's/target', content: 'target' }];

/** What brings `s/x`, and its line in CONTENTS. */
const sources = {
  file: { entries: [{ path: 's/x', content: 'new' }], line: 'obj /s/x', shown: ['s/x "new"'] },
  symlink: {
    entries: [{ path: 's/x', type: 'symlink', content: 'gone' }],
    line: 'sym /s/x -> gone',
    shown: ['s/x -> gone'],
  },
  directory: {
    entries: [directory('s/x'), { path: 's/x/in', content: 'new' }],
    line: 'dir /s/x',
    shown: ['s/x/', 's/x/in "new"'],
  },
  fifo: { entries: [{ path: 's/x', type: 'fifo' }], line: 'fif /s/x', shown: ['s/x fifo'] },
  device: { entries: [{ path: 's/x', type: 'char' }], line: 'dev /s/x', shown: ['s/x char'] },
} as const satisfies Record<string, { entries: readonly Entry[]; line: string; shown: readonly string[] }>;

/** What the root has as `s/x`, and how that looks under another name. */
const targets = {
  nothing: { entries: [], kept: [] },
  file: { entries: [{ path: 's/x', content: 'old' }], kept: ['s/NAME "old"'] },
  'a symlink to a file': { entries: [{ path: 's/x', type: 'symlink', content: 'target' }], kept: ['s/NAME -> target'] },
  'a symlink to nowhere': { entries: [{ path: 's/x', type: 'symlink', content: 'none' }], kept: ['s/NAME -> none'] },
  'a symlink to a directory': {
    entries: [{ path: 's/x', type: 'symlink', content: 'real' }],
    kept: ['s/NAME -> real'],
  },
  'an empty directory': { entries: [directory('s/x')], kept: ['s/NAME/'] },
  'a directory': {
    entries: [directory('s/x'), { path: 's/x/foreign', content: 'old' }],
    kept: ['s/NAME/', 's/NAME/foreign "old"'],
  },
  fifo: { entries: [{ path: 's/x', type: 'fifo' }], kept: ['s/NAME fifo'] },
  device: { entries: [{ path: 's/x', type: 'char' }], kept: ['s/NAME char'] },
} as const satisfies Record<string, { entries: readonly Entry[]; kept: readonly string[] }>;

/** `placed`: the new one alone. `backup`: the old one beside it. `refused`: TYPE_CONFLICT. `through`, `into`: its files go to what is there. */
type Outcome = 'placed' | 'backup' | 'refused' | 'through' | 'into';

/** Of entries that nobody owns. Where Portage leaves half a merge or a wrong record behind, the merge is refused or does what CONTENTS says. */
const table: Record<keyof typeof sources, Record<keyof typeof targets, Outcome>> = {
  file: {
    nothing: 'placed',
    file: 'placed',
    'a symlink to a file': 'placed',
    'a symlink to nowhere': 'placed',
    'a symlink to a directory': 'placed',
    'an empty directory': 'placed',
    'a directory': 'refused',
    fifo: 'placed',
    device: 'placed',
  },
  symlink: {
    nothing: 'placed',
    file: 'placed',
    'a symlink to a file': 'placed',
    'a symlink to nowhere': 'placed',
    'a symlink to a directory': 'placed',
    'an empty directory': 'placed',
    'a directory': 'refused',
    fifo: 'placed',
    device: 'placed',
  },
  directory: {
    nothing: 'placed',
    file: 'backup',
    'a symlink to a file': 'backup',
    'a symlink to nowhere': 'backup',
    'a symlink to a directory': 'through',
    'an empty directory': 'into',
    'a directory': 'into',
    fifo: 'backup',
    device: 'backup',
  },
  fifo: {
    nothing: 'placed',
    file: 'placed',
    'a symlink to a file': 'placed',
    'a symlink to nowhere': 'placed',
    'a symlink to a directory': 'placed',
    'an empty directory': 'placed',
    'a directory': 'refused',
    fifo: 'placed',
    device: 'placed',
  },
  device: {
    nothing: 'placed',
    file: 'placed',
    'a symlink to a file': 'placed',
    'a symlink to nowhere': 'placed',
    'a symlink to a directory': 'placed',
    'an empty directory': 'placed',
    'a directory': 'refused',
    fifo: 'placed',
    device: 'placed',
  },
};

const others = ['s/', 's/real/', 's/target "target"'];

function renamed(lines: readonly string[], name: string): string[] {
  return lines.map((line) => line.replace('NAME', name));
}

function expected(outcome: Outcome, source: keyof typeof sources, target: keyof typeof targets): string[] {
  const { kept } = targets[target];
  const fresh = sources[source].shown;
  switch (outcome) {
    case 'placed':
      return [...others, ...fresh].sort();
    case 'backup':
      return [...others, ...fresh, ...renamed(kept, 'x.backup.0000')].sort();
    case 'refused':
      return [...others, ...renamed(kept, 'x')].sort();
    case 'through':
      return [...others, ...renamed(kept, 'x'), 's/real/in "new"'].sort();
    case 'into':
      return [...others, ...renamed(kept, 'x'), 's/x/in "new"'].sort();
    default:
      return outcome satisfies never;
  }
}

const cells = (Object.keys(table) as (keyof typeof sources)[]).flatMap((source) =>
  (Object.keys(table[source]) as (keyof typeof targets)[]).map((target) => ({
    source,
    target,
    outcome: table[source][target],
  })),
);

describe('entries that nobody owns', () => {
  test.each(cells)('a $source over $target: $outcome (C)', ({ source, target, outcome }) => {
    const fs = packageWorld({ 1: [directory('s'), ...sources[source].entries] }, [
      ...OTHER,
      ...targets[target].entries,
    ]);
    const act = (): unknown => mergeVersion(fs, '1', { collisions: 'warn' });
    if (outcome === 'refused') {
      expect(act).toThrow(MergeError);
      expect(act).toThrow(/`s\/x` is a .* in the image and a directory with entries in the root/);
    } else {
      act();
      // The real name, whatever it was over: it is what was placed.
      expect(contentsOf(fs, '1')).toContain(sources[source].line);
    }
    expect(shown(fs)).toEqual(expected(outcome, source, target));
    expect(fs.openHandles()).toBe(0);
  });
});

describe('entries of the version that goes', () => {
  const kinds = Object.keys(sources) as (keyof typeof sources)[];
  const pairs = kinds.flatMap((from) => kinds.map((to) => ({ from, to })));

  test.each(pairs)('a $to over its own $from: nothing of the old one stays (C)', ({ from, to }) => {
    const fs = packageWorld(
      { 1: [directory('s'), ...sources[from].entries], 2: [directory('s'), ...sources[to].entries] },
      OTHER,
    );
    mergeVersion(fs, '1');
    mergeVersion(fs, '2');
    expect(shown(fs)).toEqual([...others, ...sources[to].shown].sort());
    expect(contentsOf(fs, '2')).toContain(sources[to].line);
    unmergeVersion(fs, '2');
    expect(shown(fs)).toEqual(others);
  });

  test('a directory in which somebody has put something is not replaced (C)', () => {
    const fs = packageWorld({
      1: [directory('s'), ...sources.directory.entries],
      2: [directory('s'), ...sources.file.entries],
    });
    mergeVersion(fs, '1');
    retarget(fs, 's/x/mine', 'anything');
    expect(() => mergeVersion(fs, '2')).toThrow(/a directory with entries in the root/);
    expect(shown(fs)).toEqual(['s/', 's/x/', 's/x/in "new"', 's/x/mine -> anything']);
  });

  test('a directory that holds a protected file which somebody edited is not replaced (C, F.2)', () => {
    const fs = packageWorld({
      1: [directory('s'), ...sources.directory.entries],
      2: [directory('s'), ...sources.file.entries],
    });
    mergeVersion(fs, '1', { configProtect: ['/s/x/in'] });
    edit(fs, 's/x/in', 'mine');
    expect(() => mergeVersion(fs, '2', { configProtect: ['/s/x/in'] })).toThrow(/a directory with entries in the root/);
    // Nobody edited it, or nobody protects it: it goes.
    mergeVersion(fs, '2');
    expect(shown(fs)).toEqual(['s/', 's/x "new"']);
  });
});

describe('protected entries', () => {
  test('a file or a symlink over a directory is offered beside it (C)', () => {
    const etc = [directory('etc'), { path: 'etc/a', content: 'new' }, { path: 'etc/b', type: 'symlink', content: 'a' }];
    const fs = packageWorld({ 1: etc as Entry[] }, [
      ...['etc', 'etc/a', 'etc/b'].map(directory),
      { path: 'etc/a/mine', content: 'mine' },
      { path: 'etc/b/mine', content: 'mine' },
    ]);
    mergeVersion(fs, '1');
    expect(shown(fs)).toEqual([
      'etc/',
      'etc/._cfg0000_a "new"',
      'etc/._cfg0000_b -> a',
      'etc/a/',
      'etc/a/mine "mine"',
      'etc/b/',
      'etc/b/mine "mine"',
    ]);
    expect(contentsOf(fs, '1')).toEqual(['dir /etc', 'obj /etc/a', 'sym /etc/b -> a']);
  });

  test('a directory over a file: the file gets the first backup name that is free (C.1)', () => {
    const fs = packageWorld({ 1: [directory('etc'), directory('etc/a'), { path: 'etc/a/in', content: 'new' }] }, [
      directory('etc'),
      { path: 'etc/a', content: 'mine' },
      { path: 'etc/a.backup.0000', content: 'older' },
    ]);
    const report = mergeVersion(fs, '1');
    expect(report.protected).toEqual([{ path: 'etc/a', as: 'a.backup.0001' }]);
    expect(shown(fs)).toEqual([
      'etc/',
      'etc/a.backup.0000 "older"',
      'etc/a.backup.0001 "mine"',
      'etc/a/',
      'etc/a/in "new"',
    ]);
    // Nobody lists it, so it outlives the package.
    unmergeVersion(fs, '1');
    expect(shown(fs)).toEqual(['etc/', 'etc/a.backup.0000 "older"', 'etc/a.backup.0001 "mine"']);
  });
});

test('a directory that is there keeps its mode, owner and xattrs; a new one has those of the image, with its time (C.2)', () => {
  const made: Entry = { path: 'made', type: 'directory', mode: 0o2751, uid: 3, gid: 4, mtime: { sec: 7, nsec: 8 } };
  const there: Entry = { path: 'there', type: 'directory', mode: 0o700, uid: 5, gid: 6, xattrs: { 'user.k': 'v' } };
  const fs = packageWorld({ 1: [made, directory('there'), { path: 'there/f', content: 'f' }] }, [there]);
  mergeVersion(fs, '1');
  expect(statIn(fs, 'made')).toMatchObject({ mode: 0o2751, uid: 3, gid: 4, mtime: { sec: 7, nsec: 8 } });
  expect(statIn(fs, 'there')).toMatchObject({ mode: 0o700, uid: 5, gid: 6 });
});

test('a file that is the same stays the same inode, with the time of the new one; another owner is a difference (C.3)', () => {
  const old: Entry[] = [directory('s'), { path: 's/a', content: 'x' }, { path: 's/b', content: 'x', uid: 9 }];
  const fresh: Entry[] = [
    directory('s'),
    { path: 's/a', content: 'x', mtime: { sec: 1_500_000_001, nsec: 2 } },
    { path: 's/b', content: 'x' },
  ];
  const fs = packageWorld({ 1: old, 2: fresh });
  mergeVersion(fs, '1');
  const [a, b] = ['s/a', 's/b'].map((path) => statIn(fs, path)?.ino);
  expect(mergeVersion(fs, '2').counts).toMatchObject({ identical: 1, replaced: 1 });
  expect(statIn(fs, 's/a')).toMatchObject({ ino: a, mtime: { sec: 1_500_000_001, nsec: 2 } });
  expect(statIn(fs, 's/b')?.ino).not.toBe(b);
  expect(statIn(fs, 's/b')?.uid).toBe(0);
});

test('a file that somebody changed and gave its old time is the package’s again (Case 2)', () => {
  const entries: Entry[] = [directory('usr'), directory('usr/A'), { path: 'usr/A/foo', content: 'original_content' }];
  const fs = packageWorld({ 1: entries, again: entries });
  mergeVersion(fs, '1');
  edit(fs, 'usr/A/foo', 'modified_content', statIn(fs, 'usr/A/foo')?.mtime);
  mergeVersion(fs, '1', {}, { image: '/again' });
  expect(shown(fs)).toContain('usr/A/foo "original_content"');
});

test('with merge-use-vdb the database is believed of a file that has the time of its merge, and of no other (Case 2)', () => {
  const entries: Entry[] = [directory('usr'), directory('usr/A'), { path: 'usr/A/foo', content: 'original_content' }];
  for (const [time, content] of [
    ['kept', 'edited'],
    ['its own', 'original_content'],
  ] as const) {
    const fs = packageWorld({ 1: entries, again: entries });
    mergeVersion(fs, '1');
    edit(fs, 'usr/A/foo', 'edited', time === 'kept' ? statIn(fs, 'usr/A/foo')?.mtime : undefined);
    mergeVersion(fs, '1', { mergeUseVdb: true }, { image: '/again' });
    expect(shown(fs)).toContain(`usr/A/foo "${content}"`);
  }
});

test('an absolute symlink is the same in the root and in CONTENTS, also one into the image (C.5)', () => {
  const fs = packageWorld({ 1: [{ path: 'l', type: 'symlink', content: '/image/of/a/build/l' }] });
  mergeVersion(fs, '1');
  expect(shown(fs)).toEqual(['l -> /image/of/a/build/l']);
  expect(contentsOf(fs, '1')).toEqual(['sym /l -> /image/of/a/build/l']);
});

test('the report counts what came, was replaced, was the same and went, where Portage prints a line for each (C.4)', () => {
  const one = [
    directory('s'),
    { path: 's/same', content: 'x' },
    { path: 's/changed', content: '1' },
    { path: 's/gone' },
  ];
  const two = [
    directory('s'),
    { path: 's/same', content: 'x' },
    { path: 's/changed', content: '2' },
    { path: 's/new' },
  ];
  const fs = packageWorld({ 1: one, 2: two });
  mergeVersion(fs, '1');
  const { counts } = mergeVersion(fs, '2');
  // What goes is the file and the entry of the old version.
  expect(counts).toMatchObject({ created: 1, replaced: 1, identical: 1, removed: 2 });
});
