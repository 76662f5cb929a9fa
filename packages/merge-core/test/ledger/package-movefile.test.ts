/** How single entries get into the root: section D of docs/PORTAGE.md, within one mount and across two. */
import type { FsPort } from '@emplace/fsprobe';
import { ascii, SyscallError } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { type MemoryPort, memoryPort } from '../../src/fs/memory.ts';
import { MergeError, mergeSync } from '../../src/index.ts';
import { build, type Entry, picture } from '../engine/world.ts';

const ROOT = ascii('/root');

function world(image: readonly Entry[], root: readonly Entry[], across: boolean): MemoryPort {
  const fs = memoryPort(across ? { mounts: [{ path: '/image' }] } : {});
  const top = fs.openRoot(ascii('/'));
  for (const name of ['image', 'root']) if (fs.stat(top, ascii(name)) === undefined) fs.mkdir(top, ascii(name), 0o755);
  fs.closeDir(top);
  build(fs, ascii('/image'), image);
  build(fs, ROOT, root);
  return fs;
}

function merged(
  image: readonly Entry[],
  root: readonly Entry[],
  across: boolean,
): { before: string[]; after: string[] } {
  const fs = world(image, root, across);
  const before = picture(fs, ascii('/image'), false);
  mergeSync({ image: '/image', root: '/root', fs });
  return { before, after: picture(fs, ROOT, false) };
}

const long = 'n'.repeat(255);

const rules: readonly { readonly rule: string; readonly image: readonly Entry[]; readonly root: readonly Entry[] }[] = [
  {
    rule: 'a file takes the place of a symlink, whose target is not touched (D.2)',
    image: [{ path: 'a', content: 'file' }],
    root: [{ path: 'a', type: 'symlink', content: '/root/b' }],
  },
  {
    rule: 'a symlink takes the place of a symlink, with its owner and time (D.3)',
    image: [{ path: 'a', type: 'symlink', content: 'new', uid: 7, gid: 8 }],
    root: [{ path: 'a', type: 'symlink', content: 'old' }],
  },
  {
    rule: 'hard links stay one inode, also those with names as long as names can be (D.4)',
    image: [
      { path: 'a', content: 'x' },
      { path: 'b', link: 'a' },
      { path: long, link: 'a' },
    ],
    root: [{ path: 'b', content: 'old' }],
  },
  {
    rule: 'a name as long as names can be is placed, for staged names are short (D.6)',
    image: [{ path: long, content: 'x' }],
    root: [{ path: long, content: 'old' }],
  },
  {
    rule: 'FIFOs and devices go in as files do (D.8)',
    image: [
      { path: 'fifo', type: 'fifo', mode: 0o620 },
      { path: 'node', type: 'char', mode: 0o660, gid: 5 },
    ],
    root: [{ path: 'fifo', type: 'fifo' }],
  },
  {
    rule: 'times keep their nanoseconds (D.9)',
    image: [{ path: 'a', content: 'x', mtime: { sec: 1_234_567_890, nsec: 987_654_321 } }],
    root: [],
  },
  {
    rule: 'owner, setuid, sticky, xattrs and capabilities come along (D.10)',
    image: [
      {
        path: 'a',
        content: 'x',
        mode: 0o4751,
        uid: 3,
        gid: 4,
        xattrs: { 'user.k': 'v', 'security.capability': `\x01\0\0\x02${'\0'.repeat(16)}` },
      },
      { path: 'd', type: 'directory', mode: 0o1777, uid: 5 },
    ],
    root: [{ path: 'a', content: 'old' }],
  },
];

describe.each([
  ['within one mount', false],
  ['across mounts', true],
] as const)('%s', (_, across) => {
  test.each(rules)('$rule', ({ image, root }) => {
    const { before, after } = merged(image, root, across);
    expect(after).toEqual(before);
  });

  test('what a call refuses is a typed error that names it, and the old tree is back (D.1, D.5)', () => {
    const fs = world([{ path: 'a', content: 'new' }], [{ path: 'a', content: 'old' }], across);
    const old = picture(fs, ROOT);
    const refusing: FsPort = {
      ...fs,
      rename: (from, source, to, target) => {
        if (target === 'a') throw new SyscallError('EBUSY', 'renameat2', [source, target]);
        fs.rename(from, source, to, target);
      },
      exchange: (_from, source, _to, target) => {
        throw new SyscallError('EBUSY', 'renameat2', [source, target]);
      },
    };
    let error: unknown;
    try {
      mergeSync({ image: '/image', root: '/root', fs: refusing });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(MergeError);
    expect(error).toMatchObject({ outcome: 'rolled-back', message: expect.stringContaining('EBUSY') });
    expect(picture(fs, ROOT)).toEqual(old);
  });
});
