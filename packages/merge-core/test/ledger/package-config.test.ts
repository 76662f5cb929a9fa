/** Protected files through whole merges (docs/PORTAGE.md, F), and Portage's own test of them (Case 1). */
import { createHash } from 'node:crypto';
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { type Entry, picture, ROOT } from '../engine/world.ts';
import {
  contentsOf,
  directory,
  edit,
  mergeVersion,
  mv,
  packageWorld,
  readIn,
  retarget,
  rm,
  shown,
  statIn,
  unmergeVersion,
} from './package-world.ts';

const MEMORY = 'var/lib/portage/config';

/** Names of the updates that wait below `etc`, sorted. */
function waiting(fs: MemoryPort): string[] {
  return shown(fs).flatMap((line) => /^\S*\/(\._cfg\d{4}_\S+)/.exec(line)?.[1] ?? []);
}

function memory(fs: MemoryPort): string[] {
  if (statIn(fs, MEMORY) === undefined) return [];
  return readIn(fs, MEMORY)
    .split('\n')
    .filter((line) => line !== '');
}

function md5(content: string): string {
  return createHash('md5').update(content, 'latin1').digest('hex');
}

describe('Portage’s test_config_protect (Case 1)', () => {
  const file = (name: string, content = name): Entry => ({ path: `etc/A/${name}`, content });
  const link = (name: string, content: string): Entry => ({ path: `etc/A/${name}`, type: 'symlink', content });
  const keepIn = (name: string): Entry[] => [directory(`etc/A/${name}`), file(`${name}/.keep_x`, '')];
  const top = ['etc', 'etc/A'].map(directory);
  const A1: Entry[] = [
    ...top,
    ...['dir_a', 'symlink_replaces_dir', 'regular_replaces_dir'].flatMap(keepIn),
    file('regular_a', 'regular_a_1'),
    file('regular_b', 'regular_b_1'),
    file('regular_replaces_regular', 'regular_replaces_regular_1'),
    file('symlink_replaces_regular'),
    link('regular_replaces_symlink', 'regular_a'),
    link('symlink_replaces_symlink', 'regular_b'),
  ];
  const A2: Entry[] = [
    ...top,
    ...keepIn('dir_a'),
    link('symlink_replaces_dir', 'dir_a'),
    file('regular_replaces_dir'),
    file('regular_a', 'regular_a_2'),
    file('regular_b', 'regular_b_2'),
    file('regular_replaces_symlink'),
    link('symlink_replaces_symlink', 'regular_b'),
    file('regular_replaces_regular', 'regular_replaces_regular_2'),
    link('symlink_replaces_regular', 'regular_a'),
  ];
  const NAMES = A2.filter(({ path, type }) => type !== 'directory' && !path.includes('.keep')).map(({ path }) => path);

  /** What `etc-update` does with "accept all". */
  const acceptAll = (fs: MemoryPort): void => {
    for (const name of waiting(fs)) {
      const target = `etc/A/${name.slice('._cfg0000_'.length)}`;
      if (statIn(fs, target)?.type === 'directory') rm(fs, target);
      mv(fs, `etc/A/${name}`, target);
    }
    expect(waiting(fs)).toEqual([]);
  };
  const editAll = (fs: MemoryPort): void => {
    for (const path of NAMES) {
      if (statIn(fs, path)?.type === 'symlink') retarget(fs, path, `somewhere_else_${path.length}`);
      else edit(fs, path, `${readIn(fs, path)}\nmodified`);
    }
  };
  const BOTH = ['._cfg0000_regular_replaces_dir', '._cfg0000_symlink_replaces_dir'];
  const SIX = [
    'regular_a',
    'regular_b',
    'regular_replaces_regular',
    'regular_replaces_symlink',
    'symlink_replaces_regular',
    'symlink_replaces_symlink',
  ].map((name) => `._cfg0000_${name}`);

  test('its eight steps, with the names of all updates', () => {
    const fs = packageWorld({ 'A-1': A1, 'A-2': A2, 'A-2 b': A2, 'A-2 c': A2, 'A-2 d': A2, 'A-1 b': A1 });
    const merge = (image: string, version: string, noConfMem = false): unknown =>
      mergeVersion(fs, version, { noConfMem }, { image: `/${image}` });

    merge('A-1', '1'); // 1
    expect(waiting(fs)).toEqual([]);

    merge('A-2', '2'); // 2
    expect(waiting(fs)).toEqual(BOTH);
    expect(shown(fs)).toEqual(
      expect.arrayContaining([
        'etc/A/._cfg0000_symlink_replaces_dir -> dir_a',
        'etc/A/regular_a "regular_a_2"',
        'etc/A/regular_replaces_dir/',
        'etc/A/regular_replaces_symlink "regular_replaces_symlink"',
        'etc/A/symlink_replaces_dir/',
        'etc/A/symlink_replaces_regular -> regular_a',
      ]),
    );
    // The old directories stay, emptied.
    expect(shown(fs).filter((line) => line.includes('.keep'))).toEqual(['etc/A/dir_a/.keep_x ""']);
    const remembered = memory(fs);
    expect(remembered).toEqual([
      `/etc/A/regular_replaces_dir ${md5('regular_replaces_dir')}`,
      `/etc/A/symlink_replaces_dir ${md5('dir_a')}`,
    ]);

    acceptAll(fs); // 3
    merge('A-2 b', '2'); // 4
    expect(waiting(fs)).toEqual([]);
    expect(memory(fs).sort()).toEqual(expect.arrayContaining(remembered));

    rm(fs, 'etc/A'); // 5
    const before = memory(fs);
    merge('A-2 c', '2');
    expect(waiting(fs)).toEqual([...BOTH, ...SIX].sort());
    expect(shown(fs).filter((line) => !line.includes('._cfg'))).toEqual([
      'etc/',
      'etc/A/',
      'etc/A/dir_a/',
      'etc/A/dir_a/.keep_x ""',
    ]);
    expect(memory(fs)).toEqual(before);

    acceptAll(fs); // 6
    editAll(fs);
    merge('A-2 d', '2');
    expect(waiting(fs)).toEqual(SIX);

    acceptAll(fs); // 7
    editAll(fs);
    merge('A-1 b', '1', true);
    expect(waiting(fs)).toEqual(SIX);
    expect(shown(fs)).toEqual(
      expect.arrayContaining([
        'etc/A/regular_replaces_dir.backup.0000 "regular_replaces_dir\\nmodified\\nmodified"',
        expect.stringMatching(/^etc\/A\/symlink_replaces_dir\.backup\.0000 -> somewhere_else_/),
        'etc/A/regular_replaces_dir/',
        'etc/A/regular_replaces_dir/.keep_x ""',
        'etc/A/symlink_replaces_dir/',
        'etc/A/symlink_replaces_dir/.keep_x ""',
      ]),
    );

    acceptAll(fs); // 8
    expect(shown(fs)).toContain('etc/A/regular_a "regular_a_1"');
  });
});

const etc = (...files: readonly (readonly [string, string])[]): Entry[] => [
  directory('etc'),
  ...files.map(([name, content]): Entry => ({ path: `etc/${name}`, content })),
];

describe('what becomes of an update', () => {
  test('the file is gone: the administrator’s own removal is respected, a new file is merged (F.3a)', () => {
    const fs = packageWorld({ 1: etc(['a', '1']), 2: etc(['a', '2'], ['b', '2']) });
    mergeVersion(fs, '1');
    rm(fs, 'etc/a');
    expect(mergeVersion(fs, '2').protected).toEqual([{ path: 'etc/a', as: '._cfg0000_a' }]);
    expect(shown(fs)).toEqual(['etc/', 'etc/._cfg0000_a "2"', 'etc/b "2"']);
    expect(memory(fs)).toEqual([]);
  });

  test('nobody edited it: it is replaced, unless config-protect-if-modified is off (F.3b)', () => {
    for (const [configProtectIfModified, expected] of [
      [true, ['etc/', 'etc/a "2"']],
      [false, ['etc/', 'etc/._cfg0000_a "2"', 'etc/a "1"']],
    ] as const) {
      const fs = packageWorld({ 1: etc(['a', '1']), 2: etc(['a', '2']) });
      mergeVersion(fs, '1');
      mergeVersion(fs, '2', { configProtectIfModified });
      expect(shown(fs)).toEqual(expected);
    }
  });

  test('it was edited to just that: it is merged and remembered (F.3c)', () => {
    const fs = packageWorld({ 1: etc(['a', '1']), 2: etc(['a', '2']) });
    mergeVersion(fs, '1');
    edit(fs, 'etc/a', '2');
    mergeVersion(fs, '2');
    expect([shown(fs), memory(fs)]).toEqual([['etc/', 'etc/a "2"'], [`/etc/a ${md5('2')}`]]);
  });

  test('offered before: not again, unless asked for or with an older version (F.3d, F.3e)', () => {
    const fs = packageWorld({
      1: etc(['a', '1']),
      2: etc(['a', '2']),
      3: etc(['a', '2']),
      4: etc(['a', '2']),
      b: etc(['a', '2']),
    });
    mergeVersion(fs, '1');
    edit(fs, 'etc/a', 'mine');
    mergeVersion(fs, '2');
    expect(waiting(fs)).toEqual(['._cfg0000_a']);
    rm(fs, 'etc/._cfg0000_a');
    const { protected: kept, counts } = mergeVersion(fs, '3');
    expect([waiting(fs), kept, counts.skipped]).toEqual([[], [{ path: 'etc/a' }], 1]);
    mergeVersion(fs, '4', { noConfMem: true });
    expect(waiting(fs)).toEqual(['._cfg0000_a']);
    rm(fs, 'etc/._cfg0000_a');
    mergeVersion(fs, '2', {}, { image: '/b' });
    expect([waiting(fs), shown(fs)[2]]).toEqual([['._cfg0000_a'], 'etc/a "mine"']);
  });

  test('CONTENTS has the real name with what the package brought, offered or skipped (F.4)', () => {
    const fs = packageWorld({ 1: etc(['a', '1']), 2: etc(['a', '2']), 3: etc(['a', '2']) });
    mergeVersion(fs, '1');
    edit(fs, 'etc/a', 'mine');
    for (const version of ['2', '3']) {
      mergeVersion(fs, version);
      expect(contentsOf(fs, version)).toEqual(['dir /etc', 'obj /etc/a']);
      expect(readIn(fs, `var/db/pkg/app-misc/app-${version}/CONTENTS`)).toContain(`obj /etc/a ${md5('2')} `);
    }
  });

  test('an update of a symlink that leads to nothing yet is offered, and once (B.3)', () => {
    const links = (target: string): Entry[] => [directory('etc'), { path: 'etc/l', type: 'symlink', content: target }];
    const fs = packageWorld({ 1: links('one'), 2: links('two'), 3: links('two') });
    mergeVersion(fs, '1');
    retarget(fs, 'etc/l', 'mine');
    mergeVersion(fs, '2');
    mergeVersion(fs, '3', { noConfMem: true });
    expect(shown(fs)).toEqual(['etc/', 'etc/._cfg0000_l -> two', 'etc/l -> mine']);
    expect(memory(fs)).toEqual([`/etc/l ${md5('two')}`]);
  });

  test('a name in a directory that leads to /etc is protected too (F.2)', () => {
    const fs = packageWorld({ 1: [directory('conf'), { path: 'conf/a', content: '1' }] }, [
      ...etc(['a', 'mine']),
      { path: 'conf', type: 'symlink', content: 'etc' },
    ]);
    mergeVersion(fs, '1');
    expect(shown(fs)).toEqual(['conf -> etc', 'etc/', 'etc/._cfg0000_a "1"', 'etc/a "mine"']);
  });
});

describe('names of updates (F.5)', () => {
  const edited = (...waits: readonly (readonly [string, string])[]): MemoryPort => {
    const fs = packageWorld({ 1: etc(['a', '1']), 2: etc(['a', '2']), 3: etc(['a', '3']) });
    mergeVersion(fs, '1');
    edit(fs, 'etc/a', 'mine');
    for (const [name, content] of waits) edit(fs, `etc/${name}`, content);
    return fs;
  };

  test.each([
    { waits: [], expected: ['._cfg0000_a'] },
    { waits: [['._cfg0000_a', 'other']], expected: ['._cfg0000_a', '._cfg0001_a'] },
    { waits: [['._cfg0000_a', '2']], expected: ['._cfg0000_a'] },
    // Only the newest is looked at.
    {
      waits: [
        ['._cfg0000_a', '2'],
        ['._cfg0003_a', 'x'],
      ],
      expected: ['._cfg0000_a', '._cfg0003_a', '._cfg0004_a'],
    },
    { waits: [['._cfg9999_a', 'x']], expected: ['._cfg9999_a'] },
    {
      waits: [
        ['._cfg0007_ab', 'x'],
        ['._cfg12_a', 'x'],
      ],
      expected: ['._cfg0000_a', '._cfg0007_ab'],
    },
  ] as const)('with $waits there are then $expected', ({ waits, expected }) => {
    const fs = edited(...waits);
    mergeVersion(fs, '2');
    expect(waiting(fs)).toEqual(expected);
  });

  test('an update that is there already is replaced, and a rollback of the merge would bring it back', () => {
    const fs = edited(['._cfg0000_a', '2']);
    const ino = statIn(fs, 'etc/._cfg0000_a')?.ino;
    mergeVersion(fs, '2');
    expect(statIn(fs, 'etc/._cfg0000_a')?.ino).not.toBe(ino);
  });

  test('one that is too long is refused by name, and nothing is changed', () => {
    const name = 'n'.repeat(250);
    const fs = packageWorld({ 1: etc([name, '1']) }, etc([name, 'mine']));
    const before = picture(fs, ROOT);
    expect(() => mergeVersion(fs, '1')).toThrow(
      expect.objectContaining({ code: 'NAME_TOO_LONG', message: expect.stringContaining('`etc/._cfg0000_n') }),
    );
    expect(picture(fs, ROOT)).toEqual(before);
  });

  test('so is a backup name that is too long (C.1)', () => {
    const name = 'n'.repeat(250);
    const fs = packageWorld({ 1: [directory('s'), directory(`s/${name}`)] }, [
      directory('s'),
      { path: `s/${name}`, content: 'mine' },
    ]);
    const before = picture(fs, ROOT);
    expect(() => mergeVersion(fs, '1')).toThrow(
      expect.objectContaining({ code: 'NAME_TOO_LONG', message: expect.stringContaining('.backup.0000') }),
    );
    expect(picture(fs, ROOT)).toEqual(before);
  });
});

describe('config memory (F.6, F.7)', () => {
  test('is right for names with blanks, does not grow, and is written only when it changes', () => {
    const fs = packageWorld({ 1: etc(['a b  c', '1']), 2: etc(['a b  c', '2']), 3: etc(['a b  c', '2']) });
    mergeVersion(fs, '1');
    edit(fs, 'etc/a b  c', 'mine');
    mergeVersion(fs, '2');
    expect(readIn(fs, MEMORY)).toBe(`/etc/a b  c ${md5('2')}\n`);
    const ino = statIn(fs, MEMORY)?.ino;
    mergeVersion(fs, '3');
    expect(shown(fs)).toEqual(['etc/', 'etc/._cfg0000_a b  c "2"', 'etc/a b  c "mine"']);
    expect(statIn(fs, MEMORY)?.ino).toBe(ino);
  });

  test('forgets what an unmerge removes; updates that wait stay', () => {
    const fs = packageWorld({ 1: etc(['a', '1'], ['b', '1']) }, etc(['a', 'mine'], ['b', 'mine']));
    mergeVersion(fs, '1');
    edit(fs, 'etc/a', '1', { sec: 1_500_000_000, nsec: 0 });
    expect(memory(fs)).toHaveLength(2);
    unmergeVersion(fs, '1');
    expect(shown(fs)).toEqual(['etc/', 'etc/._cfg0000_a "1"', 'etc/._cfg0000_b "1"', 'etc/b "mine"']);
    expect(memory(fs)).toEqual([`/etc/b ${md5('1')}`]);
  });

  test('that somebody holds by its lock is left alone: Portage locks the file itself (J.3)', () => {
    const fs = packageWorld({ 1: etc(['a', '1']) }, [{ path: MEMORY, content: '' }]);
    const dir = fs.openRoot(ascii('/root/var/lib/portage'));
    const file = fs.openWritable(dir, ascii('config'));
    expect(fs.tryRecordLock(file)).toBe(true);
    expect(() => mergeVersion(fs, '1')).toThrow(expect.objectContaining({ code: 'LOCKED', outcome: 'locked' }));
    fs.closeFile(file);
    fs.closeDir(dir);
    mergeVersion(fs, '1');
    expect(fs.openHandles()).toBe(0);
  });
});

describe('the pristine copy', () => {
  const PRISTINE = 'var/lib/emplace/pristine/etc';

  test('is of what the root’s own was last brought up to, readable by its owner alone, and goes with the file', () => {
    const fs = packageWorld({ 1: etc(['a', '1']), 2: etc(['a', '2']), 3: etc(['a', '3']) }, [directory('etc')]);
    mergeVersion(fs, '1');
    expect([readIn(fs, `${PRISTINE}/a`), statIn(fs, `${PRISTINE}/a`)?.mode]).toEqual(['1', 0o600]);
    mergeVersion(fs, '2');
    expect(readIn(fs, `${PRISTINE}/a`)).toBe('2');
    edit(fs, 'etc/a', 'mine');
    mergeVersion(fs, '3');
    // Only offered: the base of a three-way merge is what mine was made from.
    expect(readIn(fs, `${PRISTINE}/a`)).toBe('2');
    edit(fs, 'etc/a', '3', { sec: 1_500_000_000, nsec: 0 });
    unmergeVersion(fs, '3');
    expect(shown(fs)).toEqual(['etc/', 'etc/._cfg0000_a "3"']);
    expect(statIn(fs, 'var/lib/emplace/pristine')?.type).toBe('directory');
    expect(statIn(fs, PRISTINE)).toBeUndefined();
  });

  test('of a path that becomes a directory, and a file again, stops no merge', () => {
    const below: Entry[] = [directory('etc'), directory('etc/a'), { path: 'etc/a/b', content: 'b' }];
    const fs = packageWorld(
      {
        1: etc(['a', '1']),
        2: below,
        3: below.with(2, { path: 'etc/a/b', content: 'c' }),
        4: below.with(2, { path: 'etc/a/b', content: 'd' }),
        5: etc(['a', '5']),
        6: etc(['a', '6']),
      },
      [directory('etc')],
    );
    mergeVersion(fs, '1');
    mergeVersion(fs, '2');
    expect(shown(fs)).toContain('etc/a.backup.0000 "1"');
    mergeVersion(fs, '3');
    mergeVersion(fs, '4');
    expect(readIn(fs, `${PRISTINE}/a/b`)).toBe('d');
    mergeVersion(fs, '5');
    rm(fs, 'etc/a');
    mv(fs, 'etc/._cfg0000_a', 'etc/a');
    mergeVersion(fs, '6');
    expect(shown(fs)).toContain('etc/a "6"');
    expect(statIn(fs, `${PRISTINE}/a`)?.type ?? 'none').not.toBe('directory');
  });
});
