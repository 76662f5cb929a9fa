import { thrown } from '@emplace/fixtures';
import { beforeCall, failAt } from '@emplace/fixtures/faults';
import { ascii, SyscallError } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { MergeError } from '../../src/index.ts';
import { parsePackageName } from '../../src/ledger/package-name.ts';
import { installed, names, Opened, rootWith } from './database.ts';

const bash = installed('app-shells/bash-5.2', { contents: ['bin/bash'], files: { SLOT: '0/5.2\n', COUNTER: '7\n' } });

test('a package has its name, directory, slot without the subslot, and counter (G.1)', () => {
  using opened = new Opened(rootWith(...bash));
  expect(opened.vdb.packages()).toEqual([
    {
      name: parsePackageName('app-shells/bash-5.2'),
      directory: 'var/db/pkg/app-shells/bash-5.2',
      slot: '0',
      counter: 7,
    },
  ]);
  expect(opened.vdb.problems()).toEqual([]);
});

test('names that are no packages are passed over: hidden, half merged, CVS, lost+found (G.1, G.8)', () => {
  const fs = rootWith(
    ...bash,
    ...installed('app-shells/-MERGING-bash-5.3', { contents: [] }),
    ...installed('app-shells/.bash-5.3', { contents: [] }),
    ...installed('app-shells/CVS', { contents: [] }),
    ...installed('lost+found/bash-5.3', { contents: [] }),
    ...installed('.cache/bash-5.3', { contents: [] }),
    { path: 'var/db/pkg/app-shells/.bash:0.portage_lockfile', content: '' },
    { path: 'var/db/pkg/world', content: '' },
  );
  using opened = new Opened(fs);
  expect(names(opened.vdb.packages())).toEqual(['app-shells/bash-5.2']);
  expect(opened.vdb.problems()).toEqual([]);
});

test('what is installed in a slot comes latest first, whatever its version (A.4)', () => {
  const of = (version: string, slot: string, counter: string) =>
    installed(`dev-lang/python-${version}`, { contents: [], files: { SLOT: slot, COUNTER: counter } });
  using opened = new Opened(
    rootWith(
      ...of('3.12.1', '3.12', '90'),
      ...of('3.12.9', '3.12', '8'),
      ...of('3.13.0', '3.13', '95'),
      ...installed('dev-lang/python-exec-2.4', { contents: [], files: { SLOT: '3.12' } }),
    ),
  );
  expect(names(opened.vdb.inSlot('dev-lang', 'python', '3.12'))).toEqual([
    'dev-lang/python-3.12.1',
    'dev-lang/python-3.12.9',
  ]);
  expect(opened.vdb.inSlot('dev-lang', 'python', '2.7')).toEqual([]);
});

test('who asks for one package or slot has no other package read', () => {
  const read: unknown[] = [];
  const others = ['app-shells/zsh-5', 'sys-apps/sed-4', 'sys-apps/sedutil-1'].flatMap((name) => installed(name, {}));
  const port = beforeCall(rootWith(...bash, ...others), (name, _, args) => {
    if (name === 'openFile') read.push(args[1]);
  });
  using opened = new Opened(port);
  expect(opened.vdb.entry(parsePackageName('app-shells/bash-5.2'))?.counter).toBe(7);
  expect(names(opened.vdb.inSlot('app-shells', 'bash', '0'))).toEqual(['app-shells/bash-5.2']);
  expect(read).toEqual(['SLOT', 'COUNTER']);
  // The others are half written: whoever asks for all is told.
  expect(opened.vdb.problems()).toHaveLength(3);
});

describe('an entry that is half written is named, and is none of the packages:', () => {
  const broken = {
    'no CONTENTS': installed('a/b-1', {}),
    'no SLOT': installed('a/b-1', { contents: ['x'], files: { SLOT: '' } }),
    'a SLOT that is none': installed('a/b-1', { contents: ['x'], files: { SLOT: '../up\n' } }),
    'a COUNTER that is no number': installed('a/b-1', { contents: ['x'], files: { COUNTER: '12a' } }),
  };
  test.each(Object.entries(broken))('%s', (what, entries) => {
    using opened = new Opened(rootWith(...bash, ...entries));
    expect(names(opened.vdb.packages())).toEqual(['app-shells/bash-5.2']);
    const [problem] = opened.vdb.problems();
    expect(problem).toMatchObject({ code: 'VDB_DAMAGED', path: 'var/db/pkg/a/b-1' });
    expect(problem?.message).toContain(what);
    expect(thrown(MergeError, () => opened.vdb.entry(parsePackageName('a/b-1'))).code).toBe('VDB_DAMAGED');
    // Its slot is not known, so it may be this one.
    expect(thrown(MergeError, () => opened.vdb.inSlot('a', 'b', '5')).problems).toEqual([problem]);
    expect(opened.vdb.inSlot('a', 'c', '5')).toEqual([]);
  });
});

test('a directory without a package’s name, a symlink, and a FIFO in place of a file are named', () => {
  const fs = rootWith(
    ...bash,
    ...installed('a/no-version', { contents: [] }),
    { path: 'var/db/pkg/a/link-1', type: 'symlink', content: '../app-shells/bash-5.2' },
    ...installed('a/pipe-1', { contents: [], files: { SLOT: '' } }),
    { path: 'var/db/pkg/a/pipe-1/SLOT', type: 'fifo' },
  );
  using opened = new Opened(fs);
  expect(opened.vdb.problems().map(({ message }) => message)).toEqual([
    '`var/db/pkg/a/link-1` is a symlink: it is not followed',
    "`var/db/pkg/a/no-version` has no package's name",
    '`var/db/pkg/a/pipe-1/SLOT` is no regular file',
  ]);
  expect(names(opened.vdb.packages())).toEqual(['app-shells/bash-5.2']);
});

test('an entry gives its files: CONTENTS read, others as text, and nothing for what is missing', () => {
  using opened = new Opened(rootWith(...installed('a/b-1', { contents: ['! junk', 'x y'], files: { EAPI: ' 8\n' } })));
  const [entry] = opened.vdb.packages();
  if (entry === undefined) throw new Error('no entry');
  const { entries, problems } = opened.vdb.contents(entry);
  expect([entries.map(({ path }) => path), problems.map(({ line }) => line)]).toEqual([['x y'], [1]]);
  expect([opened.vdb.field(entry, 'EAPI'), opened.vdb.field(entry, 'KEYWORDS')]).toEqual(['8', undefined]);
});

test('a database behind a symlink is found inside the root, also when the link is absolute', () => {
  const [directory, ...files] = bash.map(({ path, ...rest }) => ({
    ...rest,
    path: path.replace('var/db/pkg', 'usr/pkgdb'),
  }));
  if (directory === undefined) throw new Error('no directory');
  const fs = rootWith({ path: 'var/db/pkg', type: 'symlink', content: '/usr/pkgdb' }, directory, ...files);
  using opened = new Opened(fs);
  expect(opened.vdb.path).toBe('usr/pkgdb');
  expect(opened.vdb.packages().map((one) => one.directory)).toEqual(['usr/pkgdb/app-shells/bash-5.2']);
});

test('a database that is not there is empty; a file in its place, or a link that a user planted, is refused', () => {
  using opened = new Opened(rootWith({ path: 'var', type: 'directory' }));
  expect([opened.vdb.path, opened.vdb.packages(), opened.vdb.problems()]).toEqual(['var/db/pkg', [], []]);
  const file = rootWith({ path: 'var/db/pkg', content: '' });
  expect(thrown(MergeError, () => new Opened(file)).code).toBe('VDB_DAMAGED');
  const planted = rootWith({ path: 'var/db', type: 'symlink', content: '/tmp', uid: 1000 });
  expect(thrown(MergeError, () => new Opened(planted)).code).toBe('UNSAFE_SYMLINK');
  expect([file.openHandles(), planted.openHandles()]).toEqual([0, 0]);
});

test('in a root that cannot be looked at no database is missing: it fails', () => {
  const fs = failAt(rootWith(...bash), 1, 'EACCES', (name) => name === 'stat');
  expect(thrown(SyscallError, () => new Opened(fs)).code).toBe('EACCES');
  expect(fs.openHandles()).toBe(0);
});

test('nothing stays open', () => {
  const fs = rootWith(...bash);
  {
    using opened = new Opened(fs);
    opened.vdb.packages();
    opened.vdb.field({ name: parsePackageName('x/y-1'), directory: ascii('nowhere') }, 'SLOT');
  }
  expect(fs.openHandles()).toBe(0);
});
