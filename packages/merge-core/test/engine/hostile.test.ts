/** Who may write to directories of the root changes them at the worst moment (G6). tests/lab races for a minute; here each moment is met. */
import { beforeCall, failAt } from '@emplace/fixtures/faults';
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { MergeError, type MergeOptions, mergeSync } from '../../src/index.ts';
import { build, type Entry, picture, ROOT, world } from './world.ts';

const options = { image: '/image', root: '/root' } as const;

function line(fs: MemoryPort, path: string): string | undefined {
  return picture(fs, ROOT).find((found) => found.startsWith(`${path} `));
}

function inRoot(fs: MemoryPort, act: (root: ReturnType<MemoryPort['openRoot']>) => void): void {
  const root = fs.openRoot(ROOT);
  act(root);
  fs.closeDir(root);
}

/** Merges, and acts when a phase begins. @returns the error, if it fails */
function meddle(
  fs: MemoryPort,
  phase: string,
  act: () => void,
  asked: Partial<MergeOptions> = {},
): MergeError | undefined {
  const onEvent: MergeOptions['onEvent'] = (event) => {
    if (event.type === 'phase' && event.phase === phase) act();
  };
  try {
    mergeSync({ ...options, ...asked, fs, onEvent });
    return undefined;
  } catch (error) {
    if (error instanceof MergeError) return error;
    throw error;
  }
}

describe('a setuid program that a merge made and a rollback takes away', () => {
  const su = (content: string): Entry => ({ path: 'su', content, mode: 0o4755 });

  /** Hard links, in `stash`, to all that is setuid in the root. */
  function stash(fs: MemoryPort): void {
    inRoot(fs, (root) => {
      for (const { name } of fs.list(root)) {
        const stat = fs.stat(root, name);
        if (stat?.type !== 'file' || (stat.mode & 0o4000) === 0) continue;
        const to = fs.openDir(root, ascii('stash'));
        fs.link(root, name, to, ascii(String(stat.ino)));
        fs.closeDir(to);
      }
    });
  }

  function setuid(fs: MemoryPort): string[] {
    return picture(fs, ROOT).filter((found) => / 4755 /.test(found));
  }

  test.each([
    ['before its commit point', 'commit', 'su'],
    ['after it', 'commit', 'zz'],
  ] as const)('%s is setuid no more for who holds a hard link to it', (_when, phase, taken) => {
    for (const strategy of ['copy', 'auto']) {
      const fs = world(
        [{ path: 'stash', type: 'directory' }, ...(taken === 'zz' ? [su('old')] : [])],
        [su('new'), { path: 'zz', content: 'new' }],
      );
      const error = meddle(
        fs,
        phase,
        () => {
          stash(fs);
          build(fs, ROOT, [{ path: taken, content: 'mine' }]);
        },
        { strategy },
      );
      expect(error).toMatchObject({ code: 'COMMIT_FAILED', outcome: 'rolled-back' });
      const links = setuid(fs).filter((found) => found.startsWith('stash/'));
      // The old one is in its place again, and may have as many links as it likes.
      expect(links.filter((found) => !found.includes('"old"'))).toEqual([]);
      expect(setuid(fs).filter((found) => found.startsWith('su '))).toHaveLength(taken === 'zz' ? 1 : 0);
    }
  });
});

test('an identical file that makes room for a hard link to another one does not pass its time on to that', () => {
  const same = { path: 'd/same', content: 'same' };
  const fs = world(
    [
      { path: 'd', type: 'directory' },
      { ...same, mtime: { sec: 1, nsec: 1 } },
      { path: 'secret', content: 'not yours', mtime: { sec: 2, nsec: 2 } },
    ],
    [{ path: 'd', type: 'directory' }, same],
  );
  const before = line(fs, 'secret')?.split(' linked')[0];
  meddle(fs, 'commit', () =>
    inRoot(fs, (root) => {
      const d = fs.openDir(root, ascii('d'));
      fs.unlink(d, ascii('same'));
      fs.link(root, ascii('secret'), d, ascii('same'));
      fs.closeDir(d);
    }),
  );
  expect(line(fs, 'secret')?.split(' linked')[0]).toBe(before);
});

test('a directory that is put in the place of one which is to change its owner keeps its own', () => {
  const user = { uid: 1000, gid: 1000 };
  const fs = world(
    [
      { path: 'd', type: 'directory', mode: 0o755, ...user },
      { path: 'keys', type: 'directory', mode: 0o700 },
    ],
    [{ path: 'd', type: 'directory', mode: 0o750, ...user }],
  );
  const before = line(fs, 'keys');
  meddle(fs, 'commit', () => inRoot(fs, (root) => fs.exchange(root, ascii('d'), root, ascii('keys'))), {
    directories: 'image',
  });
  expect(line(fs, 'd')?.slice('d '.length)).toBe(before?.slice('keys '.length));
});

test.each([
  ['copied as a whole', { strategy: 'copy' }],
  ['made, as part of it stays out', { exclude: ['d/out'] }],
] as [string, Partial<MergeOptions>][])(
  'a directory that is put in the place of a new one, %s, gets neither its owner nor what goes into it',
  (_how, asked) => {
    const fs = world(
      [
        { path: 'keys', type: 'directory', mode: 0o700 },
        { path: 'keys/key', content: 'mine' },
      ],
      [
        { path: 'd', type: 'directory', uid: 1000 },
        { path: 'd/in', content: 'new' },
        { path: 'd/out', content: 'new' },
      ],
    );
    let last = '';
    let swapped = false;
    const meddled = beforeCall(fs, (name, _index, args) => {
      // Right after it was made.
      if (last !== '' && !swapped) {
        swapped = true;
        inRoot(fs, (root) => fs.exchange(root, ascii(last), root, ascii('keys')));
      }
      const [, path] = args as [unknown, string];
      if (name === 'mkdir' && /^(?:d|\.d\.emplace-\w+-s0)$/.test(path)) last = path;
    });
    expect(() => mergeSync({ ...options, ...asked, fs: meddled })).toThrow('was replaced by somebody');
    expect(swapped).toBe(true);
    // Under a staged name it goes with what was staged: that is not promised to stay (docs/JOURNAL.md).
    for (const home of picture(fs, ROOT).flatMap((found) => /^(.*)\/key /.exec(found)?.[1] ?? []))
      expect(line(fs, home)).toContain(' directory 700 0:0 ');
    expect(picture(fs, ROOT).filter((found) => /\/(?:in|out) /.test(found))).toEqual([]);
  },
);

test('a symlink that a user made in his directory is followed to what is his own, and to nothing else (G6)', () => {
  const user = { uid: 1000, gid: 1000 };
  const home = (owner: Partial<Entry>): Entry[] => [
    { path: 'home', type: 'directory', ...user },
    { path: 'home/real', type: 'directory', ...owner },
    { path: 'home/config', type: 'symlink', content: 'real', ...user },
  ];
  const fresh: Entry[] = [
    { path: 'home', type: 'directory', ...user },
    { path: 'home/config', type: 'directory', ...user },
    { path: 'home/config/x', content: 'new' },
  ];
  const own = world(home(user), fresh);
  mergeSync({ ...options, fs: own });
  expect(line(own, 'home/real/x')).toContain('"new"');
  for (const other of [{}, { uid: 1001, gid: 1000 }]) {
    const fs = world(home(other), fresh);
    expect(() => mergeSync({ ...options, fs })).toThrow(expect.objectContaining({ code: 'UNSAFE_SYMLINK' }));
  }
});

test('a symlink that is something else when it is read is looked at once more', () => {
  const fs = world(
    [
      { path: 'usr', type: 'directory' },
      { path: 'lib', type: 'symlink', content: 'usr' },
    ],
    [
      { path: 'lib', type: 'directory' },
      { path: 'lib/x', content: 'new' },
    ],
  );
  mergeSync({ ...options, fs: failAt(fs, 1, 'EINVAL', (name) => name === 'readlink') });
  expect(line(fs, 'usr/x')).toContain('"new"');
});
