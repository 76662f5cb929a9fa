/** What a package's record says of content is what lies in the root, however it came there, and no file is read more often than needed. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import {
  file,
  hardLink,
  sparseFile,
  symlink,
  type TemporaryDirectory,
  temporaryDirectory,
  thrown,
  writeTree,
} from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { type FsPort, linuxPort } from '@emplace/fsprobe';
import { ascii } from '@emplace/syscalls';
import { describe, expect } from '@jest/globals';
import { MergeError } from '../../src/errors.ts';
import { type MergeOptions, mergeSync, type Strategy } from '../../src/index.ts';
import { digestData, digestNames } from '../../src/ledger/digests.ts';
import { parseRecord, type RecordedEntry } from '../../src/ledger/record.ts';

const MIB = 1024 * 1024;
/** None, one byte, a buffer less one, a buffer, one more, several. */
const SIZES = [0, 1, 262_143, 262_144, 262_145, 1_000_000];

function writeImage(work: TemporaryDirectory): void {
  writeTree(work.make('image'), [
    ...SIZES.map((size) => file(`new/f${size}`, Buffer.alloc(size, 'bytes that differ '))),
    file('new/first', 'of one inode', { xattrs: { 'user.k': Buffer.from('v') } }),
    hardLink('new/second', 'new/first'),
    symlink('new/link', 'first'),
    sparseFile('new/holes', 3 * MIB, [{ at: MIB, bytes: Buffer.from('in the middle') }]),
    sparseFile('new/hole', 300_000, []),
    file('there/replaced', 'new'),
    file('there/same', 'same'),
  ]);
  writeTree(work.make('root'), [file('there/replaced', 'old'), file('there/same', 'same')]);
}

/** Merges the image as a package. @returns what was recorded of its files, by path */
function recordOf(work: TemporaryDirectory, more: Partial<MergeOptions> = {}): Map<string, RecordedEntry> {
  const ledger = { package: 'app-misc/one-1', slot: '0', digests: digestNames, collisions: 'ignore' } as const;
  mergeSync({ image: work.at('image'), root: work.at('root'), sync: 'none', ledger, ...more });
  const path = 'var/db/pkg/app-misc/one-1/EMPLACE';
  const entries = parseRecord(readFileSync(work.at(`root/${path}`)), ascii(path));
  return new Map(entries.map((entry) => [entry.path, entry]));
}

function expectTrue(work: TemporaryDirectory, record: ReadonlyMap<string, RecordedEntry>): void {
  const files = [...record.values()].filter((entry) => entry.type === 'file');
  expect(files).toHaveLength(SIZES.length + 6);
  for (const { path, size, digests, mtime } of files) {
    const content = readFileSync(work.at(`root/${path}`));
    const time = BigInt(mtime.sec) * 1_000_000_000n + BigInt(mtime.nsec);
    const { mtimeNs } = statSync(work.at(`root/${path}`), { bigint: true });
    expect([path, size, digests, time]).toEqual([path, content.length, digestData(digestNames, content), mtimeNs]);
  }
  const { xattrs } = record.get('new/first') ?? {};
  expect(xattrs).toEqual({ 'user.k': `base64:${Buffer.from('v').toString('base64')}` });
  expect(record.get('new/second')).toMatchObject({ xattrs });
}

/** The real port; what is read of files is counted. */
function countingPort(): { readonly fs: FsPort; readonly bytes: () => number } {
  const linux = linuxPort();
  let bytes = 0;
  const read: FsPort['read'] = (...args) => {
    const count = linux.read(...args);
    bytes += count;
    return count;
  };
  return { fs: Object.assign(Object.create(linux) as FsPort, { read }), bytes: () => bytes };
}

describe('the record has the digests of what lies in the root when entries are', () => {
  const ways = [
    ['renamed', {}],
    ['renamed in two steps', { strategy: 'double-rename' }],
    ['linked', { strategy: 'hardlink' }],
    ['copied', { strategy: 'copy' }],
    ['copied without links', { strategy: 'copy', hardlink: false }],
    ['copied beside an image that stays', { strategy: 'copy', keepImage: true }],
  ] as const;
  for (const [name, options] of ways)
    rootTest(name, () => {
      using work = temporaryDirectory();
      writeImage(work);
      expectTrue(work, recordOf(work, options));
    });
});

rootTest('a copy that is digested keeps its holes', () => {
  using work = temporaryDirectory();
  writeImage(work);
  recordOf(work, { strategy: 'copy' });
  for (const name of ['holes', 'hole'])
    expect(statSync(work.at(`root/new/${name}`)).blocks * 512).toBeLessThan(MIB / 4);
});

rootTest('what is copied is read once, for its copy and for its digests', () => {
  const readBy = (ledger: boolean): number => {
    using work = temporaryDirectory();
    writeTree(work.make('image'), [file('d/big', Buffer.alloc(2 * MIB, 'x')), file('d/small', 'small')]);
    work.make('root');
    const { fs, bytes } = countingPort();
    if (ledger) recordOf(work, { strategy: 'copy', fs });
    else mergeSync({ image: work.at('image'), root: work.at('root'), sync: 'none', strategy: 'copy', fs });
    return bytes();
  };
  const size = 2 * MIB + 5;
  expect(readBy(true)).toBeGreaterThanOrEqual(size);
  // The database's own files are small.
  expect(readBy(true)).toBeLessThan(size + MIB / 4);
});

rootTest('a strategy that copies and does not say what it read has its entries read apart', () => {
  using work = temporaryDirectory();
  writeImage(work);
  const port = linuxPort();
  const mine: Strategy = {
    name: 'mine',
    traits: { staging: 'made', links: false, copies: true },
    refusedAt: () => undefined,
    stage: (source, stat, staged) => {
      if (stat.type === 'symlink') port.symlink(staged.dir, staged.name, port.readlink(source.dir, source.name));
      else port.link(source.dir, source.name, staged.dir, staged.name);
      return undefined;
    },
  };
  expectTrue(work, recordOf(work, { strategy: 'mine', strategies: [mine] }));
});

rootTest('of a file that changes before it is copied the record has what was copied', () => {
  using work = temporaryDirectory();
  writeImage(work);
  const record = recordOf(work, {
    strategy: 'copy',
    onEvent: (event) => {
      if (event.type === 'phase' && event.phase === 'stage') writeFileSync(work.at('image/new/f1'), 'longer');
    },
  });
  expect(readFileSync(work.at('root/new/f1'), 'utf8')).toBe('longer');
  expectTrue(work, record);
  const contents = readFileSync(work.at('root/var/db/pkg/app-misc/one-1/CONTENTS'), 'utf8');
  const sec = Math.floor(statSync(work.at('root/new/f1')).mtimeMs / 1000);
  expect(contents).toMatch(new RegExp(`^obj /new/f1 [0-9a-f]{32} ${sec}$`, 'm'));
});

rootTest('a file that vanishes before it is copied is not recorded: the old tree is back (G1)', () => {
  using work = temporaryDirectory();
  writeImage(work);
  const onEvent: MergeOptions['onEvent'] = (event) => {
    if (event.type === 'phase' && event.phase === 'stage') rmSync(work.at('image/new/f1'));
  };
  const error = thrown(MergeError, () => recordOf(work, { strategy: 'copy', onEvent }));
  expect(error).toMatchObject({ code: 'STAGE_FAILED', outcome: 'rolled-back' });
  expect(error.message).toContain('new/f1');
  expect(readFileSync(work.at('root/there/replaced'), 'utf8')).toBe('old');
});
