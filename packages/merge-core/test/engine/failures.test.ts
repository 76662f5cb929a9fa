import { beforeCall, type CallName, countCalls, failAt } from '@emplace/fixtures/faults';
import { type Bytes, SyscallError, UnsupportedPlatformError } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { memoryPort } from '../../src/fs/memory.ts';
import {
  type Emit,
  type FsPort,
  MergeError,
  type MergeOptions,
  merge,
  mergeSync,
  recoverSync,
} from '../../src/index.ts';
import { type Entry, IMAGE, newTree, oldTree, picture, ROOT, world } from './world.ts';

const options = { image: '/image', root: '/root' } as const;

function failure(act: () => unknown): MergeError {
  try {
    act();
  } catch (error) {
    if (error instanceof MergeError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

/** The errnos that a call of this kind gives on a real system: what reads, what writes, what looks names up. */
const errnos: Readonly<Partial<Record<CallName, readonly string[]>>> = {
  rename: ['EIO', 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EBUSY', 'EXDEV', 'ENOMEM', 'EINTR'],
  renameNew: ['EIO', 'EEXIST', 'EINVAL', 'ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EXDEV'],
  exchange: ['EIO', 'EINVAL', 'EPERM'],
  link: ['EIO', 'EMLINK', 'EPERM', 'ENOSPC', 'EXDEV'],
  createFile: ['EIO', 'ENOSPC', 'EMFILE', 'ENFILE', 'EDQUOT', 'EROFS'],
  write: ['EIO', 'ENOSPC', 'EDQUOT', 'EINTR'],
  openDir: ['EIO', 'EMFILE', 'ENOMEM', 'ESTALE', 'EACCES', 'ELOOP', 'ENAMETOOLONG'],
  stat: ['EIO', 'ESTALE', 'EACCES'],
  setXattr: ['EOPNOTSUPP', 'ENOSPC', 'EPERM'],
  // Nothing is written through it.
  closeDir: [],
};

/** Every call of a merge fails once, with each errno that it can give. */
describe.each([
  ['rename', {}],
  ['double-rename', { strategy: 'double-rename', hardlink: false }],
  ['hardlink', { strategy: 'hardlink' }],
  ['copy', { strategy: 'copy', directories: 'image' }],
] as [string, Partial<MergeOptions>][])('when a call of a merge by %s fails', (_name, asked) => {
  const pristine = world(oldTree, newTree);
  const before = picture(pristine, ROOT, false);
  const beforeExactly = picture(pristine, ROOT);
  const imageBefore = picture(pristine, IMAGE, false);
  const reference = pristine.clone();
  const calls: CallName[] = [];
  mergeSync({
    ...options,
    ...asked,
    exclude: ['left-out'],
    fs: beforeCall(reference, (name) => void calls.push(name)),
  });
  const after = picture(reference, ROOT, false);

  test('the old tree is back or the new one is in place, the error says which, and nothing is left open (G1, G3)', () => {
    const outcomes = new Set<string>();
    const wrong: string[] = [];
    for (const [at, name] of calls.entries()) {
      for (const errno of errnos[name] ?? ['EIO']) {
        const fs = pristine.clone();
        let outcome = 'merged';
        let isLeft = false;
        const onEvent: Emit = (event) => {
          isLeft ||= event.type === 'warning' && event.warning.code === 'LEFT_BEHIND';
        };
        try {
          mergeSync({ ...options, ...asked, exclude: ['left-out'], onEvent, fs: failAt(fs, at + 1, errno) });
        } catch (error) {
          if (!(error instanceof MergeError)) throw error;
          outcome = error.outcome;
        }
        outcomes.add(outcome);
        const complain = (what: string): void =>
          void wrong.push(`call ${at + 1}, ${name} ${errno}: ${outcome}, ${what}`);
        if (fs.openHandles() > 0) complain(`${fs.openHandles()} handles open`);
        const tree = picture(fs, ROOT, false);
        if (outcome === 'merged') {
          // What could not be removed from the image still has hard links into the root.
          if (!same(tree.filter(isTree).map(withoutLinks), after.map(withoutLinks))) complain('not the new tree');
        } else if (isLeft && outcome === 'refused') {
          // Of the lock, as was told.
          recoverSync({ root: '/root', fs });
          if (!same(picture(fs, ROOT, false), before)) complain('not the old tree');
        } else if (outcome === 'refused' || outcome === 'rolled-back') {
          if (!same(picture(fs, ROOT), beforeExactly))
            complain(`not the old tree: ${difference(beforeExactly, picture(fs, ROOT))}`);
          if (!same(picture(fs, IMAGE, false), imageBefore)) complain('not the old image');
        } else {
          fs.crash();
          recoverSync({ root: '/root', fs });
          const recovered = picture(fs, ROOT, false);
          if (!same(recovered, before) && !same(recovered, after))
            complain(`neither tree: ${difference(after, recovered)}`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(outcomes).toContain('rolled-back');
  });
});

const withoutLinks = (line: string): string => line.replace(/ linked to .*$/, '');

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, at) => line === b[at]);
}

function difference(expected: readonly string[], found: readonly string[]): string {
  return [
    ...found.filter((line) => !expected.includes(line)).map((line) => `+${line}`),
    ...expected.filter((line) => !found.includes(line)).map((line) => `-${line}`),
  ].join('; ');
}

/** A lock file or state directory that could not be removed at the end is no part of the tree. */
function isTree(line: string): boolean {
  return !line.startsWith('.emplace');
}

describe('each failure has its code', () => {
  test('a copy that cannot be written: STAGE_FAILED, exit 4', () => {
    const fs = world([], [{ path: 'f' }]);
    // What fills a copy says where: all other writes go on where the last one ended.
    const port = failAt(fs, 1, 'ENOSPC', (name, [, , offset]) => name === 'write' && offset !== undefined);
    const error = failure(() => mergeSync({ ...options, strategy: 'copy', fs: port }));
    expect(error).toMatchObject({ code: 'STAGE_FAILED', outcome: 'rolled-back', exitCode: 4 });
    expect(error.message).toContain('ENOSPC');
    expect(picture(fs, ROOT)).toEqual([]);
  });

  test('a rename that fails in the commit loop: COMMIT_FAILED, exit 4, the old tree is back', () => {
    const old: Entry[] = [
      { path: 'a', content: 'old' },
      { path: 'b', content: 'old' },
    ];
    const fs = world(old, [
      { path: 'a', content: 'new' },
      { path: 'b', content: 'new' },
    ]);
    const before = picture(fs, ROOT, false);
    const port = failAt(fs, 1, 'EBUSY', (name, args) => name === 'rename' && args[3] === 'b');
    expect(failure(() => mergeSync({ ...options, fs: port }))).toMatchObject({
      code: 'COMMIT_FAILED',
      outcome: 'rolled-back',
      exitCode: 4,
    });
    expect(picture(fs, ROOT, false)).toEqual(before);
    expect(picture(fs, IMAGE, false).length).toBe(2);
  });

  test('a rollback that fails too: INCOMPLETE, exit 5, and recover brings the old tree back', () => {
    const fs = world(
      [{ path: 'a', content: 'old' }],
      [
        { path: 'a', content: 'new' },
        { path: 'b', content: 'new' },
      ],
    );
    const before = picture(fs, ROOT, false);
    let broken = false;
    const port = beforeCall(fs, (name, _index, args) => {
      broken ||= name === 'renameNew' && args[3] === 'b';
      if (broken && ['rename', 'renameNew', 'exchange'].includes(name)) throw new SyscallError('EIO', name);
    });
    const error = failure(() => mergeSync({ ...options, fs: port }));
    expect(error).toMatchObject({ code: 'INCOMPLETE', outcome: 'incomplete', exitCode: 5 });
    expect(error.message).toMatch(/EIO.*could not be rolled back/s);
    fs.crash();
    expect(recoverSync({ root: '/root', fs }).outcome).toBe('rolled-back');
    expect(picture(fs, ROOT, false)).toEqual(before);
  });

  test('a commit that fails without undo: INCOMPLETE, and only the way on is left (UNDO_MISSING for the way back)', () => {
    const fs = world(
      [
        { path: 'a', content: 'old' },
        { path: 'b', content: 'old' },
      ],
      [
        { path: 'a', content: 'new' },
        { path: 'b', content: 'new' },
      ],
    );
    const port = failAt(fs, 1, 'EIO', (name, args) => name === 'rename' && args[3] === 'b');
    expect(failure(() => mergeSync({ ...options, undo: 'none', fs: port }))).toMatchObject({
      code: 'INCOMPLETE',
      exitCode: 5,
    });
    const halfway = picture(fs, ROOT, false).filter(isTree);
    expect(failure(() => recoverSync({ root: '/root', rollback: true, fs }))).toMatchObject({
      code: 'UNDO_MISSING',
      exitCode: 3,
    });
    expect(picture(fs, ROOT, false).filter(isTree)).toEqual(halfway);
    expect(recoverSync({ root: '/root', fs }).outcome).toBe('recovered');
    expect(picture(fs, ROOT, false).map((line) => line.split(' ').at(-1))).toEqual(['"new"', '"new"']);
  });

  test('an abort while it is staged: INTERRUPTED, exit 4, the old tree is back; after the commit point it completes', async () => {
    for (const [phase, outcome] of [
      ['plan', 'INTERRUPTED'],
      ['stage', 'INTERRUPTED'],
      ['commit', 'merged'],
      ['clean-up', 'merged'],
    ] as const) {
      const fs = world(oldTree, newTree);
      const before = picture(fs, ROOT, false);
      const stopping = new AbortController();
      const onEvent = (event: { type: string; phase?: string }): void => {
        if (event.type === 'phase' && event.phase === phase) stopping.abort();
      };
      const asked = { ...options, strategy: 'copy', fs, onEvent, signal: stopping.signal };
      const ended = await merge(asked).then(
        (report) => report.outcome,
        (error: MergeError) => error.code,
      );
      expect({ phase, ended }).toEqual({ phase, ended: outcome });
      if (outcome === 'INTERRUPTED') expect(picture(fs, ROOT, false)).toEqual(before);
    }
  });

  test('an image that cannot be read: IMAGE_UNREADABLE, exit 3', () => {
    for (const [call, name] of [
      ['openDir', 'bin'],
      ['openDir', 'opt/pkg/deep'],
      ['openFile', 'same'],
      ['list', undefined],
    ] as const) {
      const fs = world(oldTree, newTree);
      const before = picture(fs, ROOT);
      const port = failAt(
        fs,
        1,
        'EACCES',
        (called, args) => called === call && (name === undefined || args[1] === name),
      );
      expect({ call, name, error: failure(() => mergeSync({ ...options, fs: port })) }).toMatchObject({
        call,
        name,
        error: { code: 'IMAGE_UNREADABLE', exitCode: 3, outcome: 'refused' },
      });
      expect(picture(fs, ROOT)).toEqual(before);
    }
  });

  test('a name that the target cannot hold: NAME_TOO_LONG, exit 3', () => {
    const long = 'n'.repeat(144);
    const fs = world([], [{ path: long }], { mounts: [{ path: '/root', nameMax: 143 }] });
    expect(failure(() => mergeSync({ ...options, fs }))).toMatchObject({ code: 'NAME_TOO_LONG', exitCode: 3 });
    expect(picture(fs, ROOT)).toEqual([]);
    const tiny = world([], [{ path: 'short' }], { mounts: [{ path: '/root', nameMax: 40 }] });
    expect(failure(() => mergeSync({ ...options, fs: tiny })).code).toBe('NAME_TOO_LONG');
  });

  test('a name as long as the target can hold is merged by every strategy', () => {
    const long = 'n'.repeat(255);
    for (const strategy of ['rename', 'double-rename', 'hardlink', 'reflink', 'copy']) {
      const fs = world([{ path: long, content: 'old' }], [{ path: long, content: 'new' }]);
      mergeSync({ ...options, strategy, fs });
      expect(picture(fs, ROOT, false).map((line) => line.endsWith('"new"'))).toEqual([true]);
    }
  });

  test('a root that may not be written to: PERMISSION, exit 3', () => {
    const fs = world([], [{ path: 'f' }]);
    for (const call of ['mkdir', 'createFile'] as const) {
      const port = failAt(fs, 1, 'EACCES', (name) => name === call);
      expect(failure(() => mergeSync({ ...options, fs: port }))).toMatchObject({ code: 'PERMISSION', exitCode: 3 });
    }
  });

  test('types to be swapped where names cannot be exchanged: EXCHANGE_UNSUPPORTED, and data gets another undo there', () => {
    const mounts = [{ path: '/root', exchange: false }];
    const swap = world([{ path: 'a' }], [{ path: 'a', type: 'directory' }], { mounts });
    const before = picture(swap, ROOT, false);
    const error = failure(() => mergeSync({ ...options, replaceTypes: true, fs: swap }));
    expect(error).toMatchObject({ code: 'EXCHANGE_UNSUPPORTED' });
    expect(picture(swap, ROOT, false)).toEqual(before);
    const data = world([{ path: 'a', content: 'old' }], [{ path: 'a', content: 'new' }], { mounts });
    mergeSync({ ...options, hardlink: false, fs: data });
    expect(picture(data, ROOT, false)).toEqual([expect.stringContaining('"new"')]);
  });

  test('a platform without system calls: UNSUPPORTED_PLATFORM, exit 3', () => {
    const port = beforeCall(memoryPort(), () => {
      throw new UnsupportedPlatformError('plan9-vax');
    });
    expect(failure(() => mergeSync({ ...options, fs: port }))).toMatchObject({
      code: 'UNSUPPORTED_PLATFORM',
      exitCode: 3,
    });
  });
});

test('a merge makes few calls: one stat a side for each entry that is replaced, and one rename', () => {
  const entries = (content: string): Entry[] =>
    Array.from({ length: 100 }, (_, i) => ({ path: `f${i}`, content: `${content}${i}` }));
  const fs = world(entries('old'), entries('newer'));
  const counted = countCalls(fs as FsPort);
  mergeSync({ ...options, fs: counted });
  const made = (name: CallName): number => counted.byName.get(name) ?? 0;
  expect({ rename: made('rename'), link: made('link'), unlink: made('unlink') }).toEqual({
    // One of each, and three names, to ask the site whether they work.
    rename: 102,
    link: 101,
    unlink: 108,
  });
  expect(made('stat')).toBeLessThan(2 * 100 + 60);
});

test('names are bytes, whatever they hold', () => {
  const names = [
    '\xff\xfe',
    'new\nline',
    ' ',
    '-rf',
    '.emplace-aaaaaaaa-s0',
    '.x.emplace-aaaaaaaa-u1',
    '\x1b[31m',
  ] as Bytes[];
  const fs = world(
    [],
    names.map((path) => ({ path })),
  );
  mergeSync({ ...options, fs });
  const root = fs.openRoot(ROOT);
  expect(
    fs
      .list(root)
      .map(({ name }) => name)
      .sort(),
  ).toEqual([...names].sort());
});
