/** What is wrong with what a package's merge or unmerge is given: a clear error, and nothing in the root is changed. */
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { type ErrorCode, MergeError, type PackageOptions } from '../../src/index.ts';
import { type Entry, picture, ROOT } from '../engine/world.ts';
import { installed } from './database.ts';
import {
  directory,
  edit,
  first,
  mergeVersion,
  mv,
  packageWorld,
  retarget,
  rm,
  second,
  shown,
  statIn,
  unmergeVersion,
} from './package-world.ts';

const ENTRY = 'var/db/pkg/app-misc/app-1';

interface Refused {
  readonly code: ErrorCode;
  readonly message: RegExp;
}

function refuses(fs: MemoryPort, act: () => unknown, { code, message }: Refused): void {
  const before = picture(fs, ROOT);
  let error: unknown;
  try {
    act();
  } catch (caught) {
    error = caught;
  }
  if (!(error instanceof MergeError)) throw error ?? new Error('nothing was refused');
  expect([error.code, error.outcome, error.message]).toEqual([code, 'refused', expect.stringMatching(message)]);
  expect(picture(fs, ROOT)).toEqual(before);
  expect(fs.openHandles()).toBe(0);
}

function merged(root: readonly Entry[] = []): MemoryPort {
  const fs = packageWorld({ 1: first, 2: second, again: first }, root);
  mergeVersion(fs, '1');
  return fs;
}

/** Everything that would have to know what version 1 has. */
const acts: readonly (readonly [string, (fs: MemoryPort) => unknown])[] = [
  ['an upgrade', (fs) => mergeVersion(fs, '2')],
  ['the same version again', (fs) => mergeVersion(fs, '1', {}, { image: '/again' })],
  ['an unmerge', (fs) => unmergeVersion(fs, '1')],
];

describe.each(acts)('%s is refused', (_what, act) => {
  test.each([
    ['that is torn', 'obj /usr/bin/app 0123', /app-1\/CONTENTS`, line 1: the file ends in the middle of a line/],
    ['with an unknown line', 'dir /usr\nlnk /usr/x\n', /, line 2: it starts with no type that is known/],
    [
      'with a path that leads out',
      'dir /usr\nobj /usr/../etc/shadow d41d8cd98f00b204e9800998ecf8427e 5\n',
      /, line 2: its path holds `\.\.`/,
    ],
    ['that is something else', '\x00\x01\x02\n\xff\n', /, line 1: .*\n.*, line 2: /s],
  ])('for a CONTENTS %s, with the line’s number (G.3, I.7)', (_how, content, message) => {
    const fs = merged();
    edit(fs, `${ENTRY}/CONTENTS`, content);
    refuses(fs, () => act(fs), { code: 'CONTENTS_DAMAGED', message });
  });

  test.each([
    ['no CONTENTS', 'CONTENTS', undefined, /app-1` is half written: it has no CONTENTS/],
    ['no SLOT', 'SLOT', undefined, /app-1` is half written: it has no SLOT/],
    ['an empty SLOT', 'SLOT', '\n', /app-1` is half written: it has no SLOT/],
    ['a COUNTER that is no number', 'COUNTER', '12x', /app-1` has a COUNTER that is no number: "12x"/],
  ])('for an entry with %s (G.1)', (_how, name, content, message) => {
    const fs = merged();
    rm(fs, `${ENTRY}/${name}`);
    if (content !== undefined) edit(fs, `${ENTRY}/${name}`, content);
    refuses(fs, () => act(fs), { code: 'VDB_DAMAGED', message });
  });

  test('for a config memory with a line that means nothing, with its number (F.6)', () => {
    const fs = merged();
    edit(fs, 'var/lib/portage/config', '/etc/a d41d8cd98f00b204e9800998ecf8427e\njunk\n/etc/b 12\n');
    refuses(fs, () => act(fs), {
      code: 'CONFIG_MEMORY_INVALID',
      message: /^`var\/lib\/portage\/config`, line 2: it is not PATH MD5\n`var\/lib\/portage\/config`, line 3: /,
    });
  });

  test('where the database, its lock or the config memory is something else (J.3)', () => {
    for (const path of ['var/lib/portage/config', 'var/db/.pkg.portage_lockfile']) {
      const fs = merged();
      rm(fs, path);
      mv(fs, 'usr/share', path);
      refuses(fs, () => act(fs), { code: 'VDB_DAMAGED', message: new RegExp(path) });
    }
  });

  test('where something in the old entry could not be removed in the end', () => {
    for (const name of ['CONTENTS', 'deep/er']) {
      const fs = merged([]);
      const path = `${ENTRY}/${name}`;
      if (name !== 'CONTENTS') mv(fs, 'usr/share/old', `${ENTRY}/deep`);
      if (name !== 'CONTENTS') edit(fs, path, 'somebody’s');
      fs.setFlags(`/root/${path}`, { immutable: true });
      refuses(fs, () => act(fs), { code: 'IMMUTABLE', message: new RegExp(`${path}. is immutable`) });
    }
  });

  test('where something in the old entry is a mount point', () => {
    const fs = merged([]);
    fs.mount({ path: `/root/${ENTRY}/COUNTER`, bind: `/root/${ENTRY}/SLOT` });
    refuses(fs, () => act(fs), { code: 'MOUNT_POINT', message: new RegExp(`${ENTRY}/COUNTER. is a mount point`) });
  });
});

describe('another package', () => {
  const half = (files: Record<string, string>): Entry[] => [
    directory('var/db/pkg/dev-libs'),
    ...installed('dev-libs/half-1', { files, contents: undefined }),
  ];

  test('that is half written stops nothing (G.1)', () => {
    for (const files of [{}, { SLOT: '' }, { COUNTER: '' }]) {
      const fs = merged(half(files));
      mergeVersion(fs, '2');
      unmergeVersion(fs, '2');
      expect(shown(fs)).toEqual([]);
    }
  });

  test('whose CONTENTS is torn stops nothing where no file is anybody else’s', () => {
    const fs = merged([directory('var/db/pkg/dev-libs'), ...installed('dev-libs/torn-1', { contents: ['! obj /us'] })]);
    mergeVersion(fs, '2');
    unmergeVersion(fs, '2');
    expect(shown(fs)).toEqual([]);
  });

  test('with a COUNTER that is no number keeps every merge from choosing one; an unmerge needs none (G.7)', () => {
    const fs = merged(half({}));
    edit(fs, 'var/db/pkg/dev-libs/half-1/COUNTER', 'NaN');
    refuses(fs, () => mergeVersion(fs, '2'), {
      code: 'VDB_DAMAGED',
      message: /dev-libs\/half-1\/COUNTER` holds no number/,
    });
    unmergeVersion(fs, '1');
  });
});

test('a last COUNTER that is no number is refused (G.7)', () => {
  const fs = merged();
  edit(fs, 'var/cache/edb/counter', '1e9');
  refuses(fs, () => mergeVersion(fs, '2'), {
    code: 'VDB_DAMAGED',
    message: /`var\/cache\/edb\/counter` holds no number/,
  });
});

describe('a name or option', () => {
  test.each([
    '../app-1',
    'app-misc/../app-1',
    'app-misc/..',
    'app-misc/a/b-1',
    'app-misc/app',
    '/app-1',
    'app-misc/',
    '.hidden/app-1',
    'app-misc/-MERGING-app-1',
    'app-misc/app-1\n',
    'app-misc/app-1\0',
    '',
    `app-misc/${'a'.repeat(300)}-1`,
  ])('%j is no package', (name) => {
    const fs = merged();
    const refused = { code: 'BAD_OPTION', message: /is no package: it has to be CATEGORY\/NAME-VERSION/ } as const;
    refuses(fs, () => mergeVersion(fs, '2', { package: name }), refused);
    refuses(fs, () => unmergeVersion(fs, '1', { package: name }), refused);
    refuses(fs, () => mergeVersion(fs, '2', { replace: [name] }), refused);
  });

  test.each<readonly [string, PackageOptions, RegExp]>([
    ['a slot that is none', { slot: '../0' }, /is no slot/],
    ['a database outside of the root', { vdb: '/else/var/db/pkg' }, /does not lie in the root/],
    ['a database that leads out of the root', { vdb: '/root/../else' }, /does not lie in the root/],
    ['build info that is not there', { buildInfo: '/missing' }, /`\/missing` cannot be read \(ENOENT\)/],
    ['a list of paths beside a database', { contents: '/root/list' }, /cannot go with `vdb` or `package`/],
  ])('%s', (_what, ledger, message) => {
    const fs = merged();
    refuses(fs, () => mergeVersion(fs, '2', ledger), { code: 'BAD_OPTION', message });
  });

  test('a slot in the build info that is none, or is missing', () => {
    for (const [content, message] of [
      ['../../0\n', /is no slot/],
      ['\n', /has no SLOT/],
    ] as const) {
      const fs = packageWorld({ 1: first });
      const info = fs.openRoot(ascii('/build-info'));
      fs.unlink(info, ascii('SLOT'));
      const file = fs.createFile(info, ascii('SLOT'), 0o644);
      fs.write(file, Buffer.from(content));
      fs.closeFile(file);
      fs.closeDir(info);
      refuses(fs, () => mergeVersion(fs, '1'), { code: 'BAD_OPTION', message });
    }
  });

  test('a version to replace that is not installed', () => {
    const fs = merged();
    refuses(fs, () => mergeVersion(fs, '2', { replace: ['app-misc/other-1'] }), {
      code: 'NOT_INSTALLED',
      message: /app-misc\/other-1 is not in the package database/,
    });
  });
});

test('all that CONTENTS cannot carry is told at once (A.6, G.2, G.3)', () => {
  const fs = packageWorld({
    1: [
      { path: 'a\nb', content: '' },
      { path: 'c\rd', type: 'directory' },
      { path: 'l', type: 'symlink', content: 'x -> y' },
      { path: 'm', type: 'symlink', content: 'x\ny' },
      { path: 'old', content: '', mtime: { sec: -5, nsec: 0 } },
      { path: 'fine -> name', type: 'symlink', content: 'y' },
    ],
  });
  const before = picture(fs, ROOT);
  let problems: readonly unknown[] = [];
  try {
    mergeVersion(fs, '1');
  } catch (error) {
    problems = (error as MergeError).problems.map(({ code, path }) => `${code} ${path}`);
  }
  expect(problems).toEqual(['a\nb', 'c\rd', 'l', 'm', 'old'].map((path) => `CONTENTS_CANNOT_CARRY ${path}`));
  expect(picture(fs, ROOT)).toEqual(before);
});

describe('symlinks in the root', () => {
  const plant = (fs: MemoryPort, path: string, target: string, uid: number): void => {
    retarget(fs, path, target);
    const slash = path.lastIndexOf('/');
    const dir = fs.openRoot(ascii(`/root/${path.slice(0, Math.max(slash, 0))}`));
    const pinned = fs.pin(dir, ascii(path.slice(slash + 1)));
    fs.chown(pinned, uid, uid);
    fs.closeFile(pinned);
    fs.closeDir(dir);
  };

  test.each(['etc', 'var/db', 'var/db/pkg', 'var/cache', 'var/lib'])(
    '`%s` as one that root made is followed',
    (path) => {
      const fs = packageWorld({ 1: first, 2: second }, [directory('etc'), directory('moved')]);
      mv(fs, path, 'moved/there');
      plant(fs, path, path.includes('/') ? `${'../'.repeat(path.split('/').length - 1)}moved/there` : 'moved/there', 0);
      mergeVersion(fs, '1');
      mergeVersion(fs, '2');
      expect(statIn(fs, path)?.type).toBe('symlink');
      unmergeVersion(fs, '2');
      // The symlink stays, and what is behind it goes as it would without.
      if (path === 'etc') expect(shown(fs)).toEqual(['etc -> moved/there', 'moved/', 'moved/there/']);
      if (path === 'etc') return;
      const plain = packageWorld({ 1: first, 2: second }, [directory('etc'), directory('moved')]);
      mergeVersion(plain, '1');
      mergeVersion(plain, '2');
      unmergeVersion(plain, '2');
      mv(plain, path, 'moved/there');
      plant(plain, path, 'x', 0);
      const names = (world: MemoryPort): string[] =>
        picture(world, ROOT)
          .map((line) => line.split(' ')[0] ?? '')
          .filter((one) => !one.endsWith('/config'));
      expect(names(fs)).toEqual(names(plain));
    },
  );

  test.each(['etc', 'var/db', 'var/db/pkg', 'var/cache', 'var/lib'])(
    '`%s` as one that a user planted is not followed',
    (path) => {
      const fs = packageWorld({ 1: first }, [directory('etc'), directory('moved')]);
      mv(fs, path, 'moved/there');
      plant(fs, path, path === 'etc' ? 'moved/there' : '/moved/there', 1000);
      refuses(fs, () => mergeVersion(fs, '1'), { code: 'UNSAFE_SYMLINK', message: new RegExp(`\`${path}\``) });
    },
  );

  test('that lead nowhere where the ledger needs a directory are refused', () => {
    for (const [path, code, message] of [
      ['var/cache', 'TYPE_CONFLICT', /`var\/cache` is a symlink in the root/],
      ['var/lib', 'VDB_DAMAGED', /`var\/lib\/portage\/config` cannot be read \(ELOOP\)/],
      ['var/db', 'PERMISSION', /cannot lock .*ELOOP.*`var\/db`/],
    ] as const) {
      const fs = packageWorld({ 1: first });
      rm(fs, path);
      plant(fs, path, 'nowhere', 0);
      refuses(fs, () => mergeVersion(fs, '1'), { code, message });
    }
  });

  test('an obsolete file behind one that a user planted stays, and is told (I.2)', () => {
    const entries: Entry[] = [...['home', 'home/d'].map(directory), { path: 'home/d/x', content: 'x' }];
    const fs = packageWorld({ 1: entries, 2: [directory('home')] }, [
      directory('secret'),
      { path: 'secret/x', content: 'not yours' },
    ]);
    mergeVersion(fs, '1');
    rm(fs, 'home/d');
    plant(fs, 'home/d', '../secret', 1000);
    const { warnings } = mergeVersion(fs, '2');
    expect(warnings.map(({ code, message }) => `${code} ${message}`)).toEqual([
      expect.stringMatching(/^LEFT_BEHIND `home\/d` is a symlink that a user may have planted/),
    ]);
    expect(shown(fs)).toContain('secret/x "not yours"');
  });
});

test('a path of 100,000 directories in some CONTENTS is a path like any other', () => {
  const deep = 'd/'.repeat(100_000);
  const other = [directory('var/db/pkg/dev-libs'), ...installed('dev-libs/deep-1', { contents: [`${deep}x`] })];
  const fs = packageWorld({ 1: first, 2: second }, [
    ...other,
    { path: 'd', content: 'in the way' },
    ...installed('app-misc/app-0', { contents: [`${deep}y`, `dir ${deep}z`], files: { COUNTER: '1' } }),
    directory('etc'),
    { path: 'etc/app.conf', content: 'whose?' },
  ]);
  mergeVersion(fs, '1', { configProtect: [] });
  unmergeVersion(fs, '1');
  expect(shown(fs)).toEqual(['d "in the way"']);
});
