import { temporaryDirectory } from '@emplace/fixtures';
import { beforeCall } from '@emplace/fixtures/faults';
import { rootTest } from '@emplace/fixtures/jest';
import { type FsPort, linuxPort } from '@emplace/fsprobe';
import { ascii, type Bytes, SyscallError, toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { digestData } from '../../src/ledger/digests.ts';
import { type RecordedEntry, recordXattrs } from '../../src/ledger/record.ts';
import {
  expectations,
  type Finding,
  type VerifyCounts,
  type VerifyOptions,
  verifyEntries,
} from '../../src/ledger/verify.ts';
import { OpenDirectories } from '../../src/open-directories.ts';
import { build, type Entry, ROOT, world } from '../engine/world.ts';
import { entriesOf, MERGED, obj, sym } from './unmerge.ts';

const tree: readonly Entry[] = [
  { path: 'etc', type: 'directory' },
  { path: 'etc/conf', content: 'a=1' },
  { path: 'usr', type: 'directory' },
  { path: 'usr/bin', type: 'directory' },
  { path: 'usr/bin/x', content: 'program', mode: 0o755, xattrs: { 'user.k': 'v' } },
  { path: 'usr/bin/y', content: 'program', mode: 0o755 },
  { path: 'usr/bin/link', type: 'symlink', content: 'x' },
  { path: 'usr/bin/pipe', type: 'fifo' },
  { path: 'usr/bin/null', type: 'char' },
];

const lines = [
  'dir /etc',
  obj('etc/conf', 'a=1'),
  'dir /usr',
  'dir /usr/bin',
  obj('usr/bin/x', 'program'),
  obj('usr/bin/y', 'program'),
  sym('usr/bin/link', 'x'),
  'fif /usr/bin/pipe',
  'dev /usr/bin/null',
];

const mtime = { sec: MERGED, nsec: 123_456_789 };
const file = { type: 'file', mode: 0o755, uid: 0, gid: 0, mtime, size: 7 } as const;
const digests = digestData(['md5', 'sha256'], Buffer.from('program'));
const records: readonly RecordedEntry[] = [
  { path: ascii('usr/bin'), type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime },
  { path: ascii('usr/bin/x'), ...file, digests, xattrs: recordXattrs(new Map([[ascii('user.k'), Buffer.from('v')]])) },
  { path: ascii('usr/bin/y'), ...file, digests },
  { path: ascii('usr/bin/link'), type: 'symlink', mode: 0o777, uid: 0, gid: 0, mtime, target: ascii('x') },
  { path: ascii('usr/bin/null'), type: 'char', mode: 0o644, uid: 0, gid: 0, mtime, rdev: 0x0103 },
];

interface Report {
  readonly findings: readonly Finding[];
  readonly counts: VerifyCounts;
}

function verify(
  fs: FsPort,
  top: Bytes,
  recorded = records,
  options: Partial<VerifyOptions> = {},
  contents = lines,
): Report {
  const dir = fs.openRoot(top);
  try {
    using root = new OpenDirectories(fs, dir);
    const isProtected = (path: Bytes): boolean => path.startsWith('etc/');
    const run = verifyEntries(expectations(entriesOf(contents), recorded), root, fs, { isProtected, ...options });
    const findings: Finding[] = [];
    for (;;) {
      const step = run.next();
      if (step.done) return { findings, counts: step.value };
      findings.push(step.value);
    }
  } finally {
    fs.closeDir(dir);
  }
}

/** `content usr/bin/x` for each finding, `(config)` behind those of configuration. */
function told({ findings }: Report): string[] {
  return findings.map(({ finding, path, config }) => `${finding} ${path}${config ? ' (config)' : ''}`);
}

/** The tree with other entries in place of some. */
function changed(...others: readonly Entry[]): readonly Entry[] {
  return tree.flatMap((entry) => others.find(({ path }) => path === entry.path) ?? entry);
}

function without(...paths: readonly string[]): readonly Entry[] {
  return tree.filter((entry) => !paths.includes(entry.path));
}

test('what is as it was merged gives no finding, with our record and without', () => {
  const fs = world(tree, []);
  expect(verify(fs, ROOT)).toEqual({
    findings: [],
    counts: { entries: 9, changed: 0, configChanged: 0, unreadable: 0, bytesRead: 17 },
  });
  expect(verify(fs, ROOT, []).findings).toEqual([]);
  expect(fs.openHandles()).toBe(0);
});

test('each thing that changed is told once, and configuration apart', () => {
  const now = changed(
    { path: 'etc/conf', content: 'a=2', mtime: { sec: 5, nsec: 0 } },
    {
      path: 'usr/bin/x',
      content: 'program',
      mode: 0o700,
      uid: 7,
      xattrs: { 'user.k': 'w' },
      mtime: { ...mtime, nsec: 0 },
    },
    { path: 'usr/bin/y', content: 'PROGRAM', mode: 0o755 },
    { path: 'usr/bin/link', type: 'symlink', content: 'elsewhere' },
  ).filter(({ path }) => path !== 'usr/bin/pipe');
  const report = verify(world(now, []), ROOT);
  expect(told(report)).toEqual([
    'mtime etc/conf (config)',
    'content etc/conf (config)',
    'mtime usr/bin/x',
    'mode usr/bin/x',
    'owner usr/bin/x',
    'xattrs usr/bin/x',
    'content usr/bin/y',
    'target usr/bin/link',
    'missing usr/bin/pipe',
  ]);
  expect(report.counts).toMatchObject({ entries: 9, changed: 4, configChanged: 1, unreadable: 0 });
});

test('other types in their places are told as that and nothing more', () => {
  const fs = world(
    changed(
      { path: 'usr/bin/x', type: 'symlink', content: 'y' },
      { path: 'usr/bin/y', type: 'directory' },
      { path: 'usr/bin/link' },
      { path: 'usr/bin/null', type: 'fifo' },
    ),
    [],
  );
  const expected = ['type usr/bin/x', 'type usr/bin/y', 'type usr/bin/link', 'type usr/bin/null'];
  expect(told(verify(fs, ROOT))).toEqual(expected);
  expect(told(verify(fs, ROOT, []))).toEqual(expected);
});

test('a protected file that is gone is configuration too', () => {
  expect(told(verify(world(without('etc/conf'), []), ROOT))).toEqual(['missing etc/conf (config)']);
});

test('size and time stand for content only when asked, and only where we recorded both', () => {
  const fs = world(changed({ path: 'usr/bin/x', content: 'PROGRAM', mode: 0o755, xattrs: { 'user.k': 'v' } }), []);
  expect(told(verify(fs, ROOT))).toEqual(['content usr/bin/x']);
  expect(told(verify(fs, ROOT, records, { quick: true }))).toEqual([]);
  expect(told(verify(fs, ROOT, [], { quick: true }))).toEqual(['content usr/bin/x']);
  const longer = world(changed({ path: 'usr/bin/y', content: 'programs', mode: 0o755 }), []);
  expect(told(verify(longer, ROOT, records, { quick: true }))).toEqual(['content usr/bin/y']);
});

test('the strongest digest decides: one file with the MD5 of another is told', () => {
  const forged = records.map((record) =>
    record.type === 'file' ? { ...record, digests: { ...digests, sha256: '0'.repeat(64) } } : record,
  );
  expect(told(verify(world(tree, []), ROOT, forged))).toEqual(['content usr/bin/x', 'content usr/bin/y']);
});

test('a record that CONTENTS no longer agrees with does not count', () => {
  const other: RecordedEntry[] = [
    { path: ascii('usr/bin/x'), ...file, mode: 0o644, digests: digestData(['md5'], Buffer.from('older')) },
    { path: ascii('usr/bin/y'), ...file, mode: 0o644, mtime: { sec: 1, nsec: 0 }, digests },
    { path: ascii('usr/bin/link'), type: 'symlink', mode: 0o777, uid: 9, gid: 9, mtime, target: ascii('older') },
    { path: ascii('usr/bin/pipe'), type: 'directory', mode: 0, uid: 9, gid: 9, mtime },
    { path: ascii('usr/bin/no-more'), type: 'fifo', mode: 0, uid: 0, gid: 0, mtime },
  ];
  expect(told(verify(world(tree, []), ROOT, other))).toEqual([]);
});

test('a node that stands for another device is told, the mode of a symlink is not', () => {
  const other = records.map((record) => ({
    ...record,
    ...(record.type === 'char' && { rdev: 7 }),
    ...(record.type === 'symlink' && { mode: 0o700 }),
  }));
  expect(told(verify(world(tree, []), ROOT, other))).toEqual(['device usr/bin/null']);
});

test('of two lines for one path the later counts', () => {
  const contents = [obj('usr/bin/x', 'older', 5), obj('usr/bin/x', 'program')];
  expect(told(verify(world(tree, []), ROOT, [], {}, contents))).toEqual([]);
});

test('a directory that became a symlink to one is no finding, nor is what is found through it', () => {
  const merged: Entry[] = [
    { path: 'real', type: 'directory' },
    { path: 'real/x' },
    { path: 'lib', type: 'symlink', content: 'real' },
  ];
  const contents = ['dir /lib', obj('lib/x', 'real/x')];
  expect(told(verify(world(merged, []), ROOT, [], {}, contents))).toEqual([]);
  const broken: Entry[] = [{ path: 'lib', type: 'symlink', content: 'nowhere' }];
  expect(told(verify(world(broken, []), ROOT, [], {}, contents))).toEqual(['type lib', 'missing lib/x']);
});

test('what cannot be read is told as that, not as changed, and ends nothing', () => {
  const fs = world(tree, []);
  const refusing = Object.assign(Object.create(fs) as FsPort, {
    openFile: (...args: Parameters<FsPort['openFile']>) => {
      if (args[1] === 'x') throw new SyscallError('EACCES', 'openat', [args[1]]);
      return fs.openFile(...args);
    },
  });
  const report = verify(refusing, ROOT);
  expect(told(report)).toEqual(['unreadable usr/bin/x']);
  expect(report.counts).toMatchObject({ entries: 9, changed: 0, unreadable: 1 });
  const planted: Entry[] = [...tree, { path: 'lib', type: 'symlink', content: 'usr', uid: 1000 }];
  expect(told(verify(world(planted, []), ROOT, [], {}, [obj('lib/bin/x', 'program')]))).toEqual([
    'unreadable lib/bin/x',
  ]);
});

test('content that changed is told though its extended attributes cannot be read', () => {
  const now = changed({ path: 'usr/bin/y', content: 'PROGRAM', mode: 0o755 });
  const refusing = beforeCall(world(now, []) as FsPort, (name) => {
    if (name === 'xattrs') throw new SyscallError('EIO', 'fgetxattr', []);
  });
  const report = verify(refusing, ROOT, records, {}, [obj('usr/bin/y', 'program')]);
  expect(told(report)).toEqual(['content usr/bin/y', 'unreadable usr/bin/y']);
  expect(report.counts).toMatchObject({ changed: 1, unreadable: 0 });
});

rootTest('the same findings on a real file system, where a FIFO in place of a file keeps nobody waiting', () => {
  using work = temporaryDirectory();
  const fs = linuxPort();
  const now = changed({ path: 'usr/bin/x', type: 'fifo' }, { path: 'etc/conf', content: 'a=2' });
  build(fs, toBytes(work.path), now);
  expect(told(verify(fs, toBytes(work.path)))).toEqual(['content etc/conf (config)', 'type usr/bin/x']);
});
