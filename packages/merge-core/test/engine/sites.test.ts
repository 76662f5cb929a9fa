/** `auto` believes what it measured: sites that are not what their mounts promise, and targets that cannot carry all. */
import { thrown } from '@emplace/fixtures';
import { countCalls, stopAfter } from '@emplace/fixtures/faults';
import type { DirHandle, FileHandle, FsPort } from '@emplace/fsprobe';
import { ascii, SyscallError } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { MergeError } from '../../src/errors.ts';
import type { MergeOptions } from '../../src/options.ts';
import { mergeSync, recoverSync } from '../../src/run.ts';
import { type Entry, IMAGE, newTree, oldTree, picture, ROOT, world } from './world.ts';

const options: MergeOptions = { image: IMAGE, root: ROOT };
const programs = (content: string): Entry[] => [
  { path: 'bin', type: 'directory' },
  { path: 'bin/tool', content, mode: 0o755 },
  { path: 'bin/data', content },
];

const refusal = (act: () => unknown): MergeError => thrown(MergeError, act);

describe('one mount whose projects keep apart: rename and link give EXDEV', () => {
  const apart = { betweenProjects: false };

  test('auto goes on to the next strategy that works, and the report says which fact decided', () => {
    const fs = world(oldTree, newTree, apart);
    const wanted = world(oldTree, newTree);
    mergeSync({ ...options, fs: wanted });
    const report = mergeSync({ ...options, fs });
    expect(picture(fs, ROOT, false)).toEqual(picture(wanted, ROOT, false));
    expect(Object.keys(report.strategies)).toEqual(['reflink']);
    expect(report.sites).toMatchObject([
      { refused: { rename: 'EXDEV', 'double-rename': 'EXDEV', hardlink: 'EXDEV' }, rungs: ['reflink', 'copy'] },
    ]);
    expect(report.sites[0]?.facts).toMatchObject({ rename: { answer: 'no', errno: 'EXDEV' } });
  });

  test.each(['rename', 'double-rename', 'hardlink'])('%s, forced, is refused and nothing changes', (strategy) => {
    const fs = world(oldTree, newTree, apart);
    const [root, image] = [picture(fs, ROOT), picture(fs, IMAGE)];
    const error = refusal(() => mergeSync({ ...options, strategy, fs }));
    expect(error).toMatchObject({ code: 'STRATEGY_IMPOSSIBLE', outcome: 'refused', exitCode: 3 });
    expect(error.message).toContain('EXDEV');
    expect([picture(fs, ROOT), picture(fs, IMAGE)]).toEqual([root, image]);
  });

  test('stopped at any call while the site is asked, recovery leaves the old tree and the image as it was (G1)', () => {
    const first = world(oldTree, newTree, apart);
    const [root, image] = [picture(first, ROOT), picture(first, IMAGE)];
    const counted = countCalls(first.clone() as FsPort);
    refusal(() => mergeSync({ ...options, strategy: 'rename', fs: counted }));
    for (let n = 1; n <= counted.calls; n++) {
      const fs = first.clone();
      expect(() => mergeSync({ ...options, strategy: 'rename', fs: stopAfter(fs, n) })).toThrow();
      fs.crash();
      recoverSync({ root: ROOT, fs });
      expect({ n, tree: [picture(fs, ROOT), picture(fs, IMAGE)] }).toEqual({ n, tree: [root, image] });
    }
  });
});

describe('directories of one mount that keep apart though others do not', () => {
  /** As betweenProjects, but only below one directory of the root: what was measured at its top says nothing of it. */
  function quotaBelow(fs: FsPort): FsPort {
    const refuse = (to: DirHandle, call: string): void => {
      if (fs.pathShown(to as number as FileHandle)?.startsWith('/root/share') !== true) return;
      throw new SyscallError('EXDEV', call, [ascii('x')]);
    };
    const isInImage = (from: DirHandle): boolean =>
      fs.pathShown(from as number as FileHandle)?.startsWith('/image') === true;
    const overrides: Partial<FsPort> = {
      rename: (from, source, to, target) => {
        if (isInImage(from)) refuse(to, 'renameat');
        fs.rename(from, source, to, target);
      },
      renameNew: (from, source, to, target) => {
        if (isInImage(from)) refuse(to, 'renameat2');
        fs.renameNew(from, source, to, target);
      },
    };
    return Object.assign(Object.create(fs) as FsPort, overrides);
  }

  test.each(['auto', 'double-rename'])(
    '%s: the merge goes back, and is planned again without renames or refused',
    (strategy) => {
      const wanted = world(oldTree, newTree);
      mergeSync({ ...options, fs: wanted });
      const fs = quotaBelow(world(oldTree, newTree));
      const [root, image] = [picture(fs, ROOT, false), picture(fs, IMAGE, false)];
      if (strategy === 'auto') {
        const report = mergeSync({ ...options, fs });
        expect(picture(fs, ROOT, false)).toEqual(picture(wanted, ROOT, false));
        expect(Object.keys(report.strategies).sort()).toEqual(['hardlink']);
        expect(report.sites[0]?.refused.rename).toContain('EXDEV');
      } else {
        expect(refusal(() => mergeSync({ ...options, strategy, fs }))).toMatchObject({ code: 'STRATEGY_IMPOSSIBLE' });
        expect([picture(fs, ROOT, false), picture(fs, IMAGE, false)]).toEqual([root, image]);
      }
    },
  );
});

describe('kernels that show a replaced file by another path (G9)', () => {
  const byStrategy = (kernel: 'own' | 'directory' | 'former') => {
    const fs = world(programs('old'), programs('new'), { kernel: { replacedShow: kernel } });
    const held = fs.openFile(fs.openDir(fs.openRoot(ROOT), ascii('bin')), ascii('tool'));
    const report = mergeSync({ ...options, fs });
    return { shown: fs.pathShown(held), report };
  };

  test('4.17 and later: programs are renamed from the image', () => {
    const { shown, report } = byStrategy('own');
    expect(shown).toBe('/root/bin/tool (deleted)');
    expect(report.strategies).toEqual({ rename: 2 });
    expect(report.sites[0]?.facts).toMatchObject({ cleanRename: { answer: 'yes' } });
  });

  test('before: programs go beside their target first, data does not', () => {
    const { shown, report } = byStrategy('directory');
    expect(shown).toBe('/root/bin/tool (deleted)');
    expect(report.strategies).toEqual({ rename: 1, 'double-rename': 1 });
    expect(report.sites[0]?.facts).toMatchObject({ cleanRename: { answer: 'no' }, cleanStaged: { answer: 'yes' } });
    expect(report.warnings).toEqual([]);
  });

  test('where nothing avoids it the plan says so, with the processes that would show it', () => {
    const { report } = byStrategy('former');
    expect(report.warnings).toMatchObject([{ code: 'PATH_MAY_SHOW', path: 'bin/tool' }]);
    expect(report.warnings[0]?.message).toContain('no process holds it now');
  });

  test('what the caller knows is believed without asking', () => {
    const fs = world(programs('old'), programs('new'));
    const report = mergeSync({ ...options, fs, facts: () => ({ cleanRename: { answer: 'no', why: 'known' } }) });
    expect(report.strategies).toEqual({ rename: 1, 'double-rename': 1 });
  });
});

/** A second file system under the root that refuses, as vfat does, all that an unprivileged tree on it cannot have. */
function poorTarget(fresh: readonly Entry[], supported: readonly string[] = []): FsPort {
  const fs = world([], fresh, { mounts: [{ path: '/root/boot', links: false, xattrs: false }] });
  const poorDev = fs.stat(fs.openDir(fs.openRoot(ROOT), ascii('boot')), ascii(''))?.dev;
  const isPoor = (dev: number | undefined): boolean => dev === poorDev;
  const deny = (call: string): never => {
    throw new SyscallError('EPERM', call);
  };
  const overrides: Partial<FsPort> = {
    chown: (file, uid, gid) => {
      const stat = fs.statHandle(file);
      if (isPoor(stat.dev) && (stat.uid !== uid || stat.gid !== gid)) deny('fchown');
      fs.chown(file, uid, gid);
    },
    chmod: (file, mode) => {
      if (isPoor(fs.statHandle(file).dev) && fs.statHandle(file).mode !== mode) deny('fchmod');
      fs.chmod(file, mode);
    },
    setTimes: (file, { sec, nsec }) =>
      fs.setTimes(file, isPoor(fs.statHandle(file).dev) ? { sec: sec - (sec % 2), nsec: 0 } : { sec, nsec }),
    symlink: (dir, name, target) => {
      if (isPoor(fs.stat(dir, ascii(''))?.dev) && !supported.includes('symlink')) deny('symlinkat');
      fs.symlink(dir, name, target);
    },
  };
  return Object.assign(Object.create(fs) as FsPort, overrides);
}

test('asking a site makes no link call where none may be made (G8)', () => {
  const linked: Entry[] = [{ path: 'a' }, { path: 'b', link: 'a' }, { path: 'bin', content: 'new', mode: 0o755 }];
  for (const mounts of [[], [{ path: '/image' }]]) {
    const counted = countCalls(world([{ path: 'bin', content: 'old', mode: 0o755 }], linked, { mounts }) as FsPort);
    mergeSync({ ...options, hardlink: false, fs: counted });
    expect(counted.byName.get('link')).toBeUndefined();
  }
});

describe('a target that cannot carry everything', () => {
  const even = { sec: 1_500_000_000, nsec: 0 };
  const kernel: Entry[] = [
    { path: 'boot', type: 'directory' },
    { path: 'boot/plain', content: 'plain', mode: 0o600, mtime: even },
    { path: 'boot/owned', content: 'owned', mode: 0o600, uid: 5, gid: 6, mtime: even },
    { path: 'boot/program', content: 'program', mode: 0o4755, mtime: even },
    { path: 'boot/marked', content: 'marked', mode: 0o600, mtime: even, xattrs: { 'user.note': 'x' } },
    { path: 'boot/precise', content: 'precise', mode: 0o600, mtime: { sec: 1_500_000_001, nsec: 5 } },
    { path: 'boot/linked', link: 'boot/plain' },
  ];

  test('refuses with every entry that would lose something, and what', () => {
    const fs = poorTarget(kernel);
    const before = picture(fs, ROOT, false);
    const error = refusal(() => mergeSync({ ...options, fs }));
    expect(error).toMatchObject({ code: 'CANNOT_CARRY', outcome: 'refused', exitCode: 3 });
    expect(error.problems.map(({ message }) => message).sort()).toEqual([
      '`boot/linked` would lose its hard links',
      '`boot/marked` would lose its `user.note`',
      '`boot/owned` would lose its owner 5:6',
      '`boot/plain` would lose its hard links',
      '`boot/precise` would lose its time to the second',
      '`boot/program` would lose its mode 4755',
    ]);
    expect(picture(fs, ROOT, false)).toEqual(before);
  });

  test('takes exactly what may be lost, and the report says what was', () => {
    const fs = poorTarget(kernel);
    expect(refusal(() => mergeSync({ ...options, fs, lossy: ['owner', 'mode', 'xattr', 'time'] })).message).toBe(
      '`boot/linked` would lose its hard links\n`boot/plain` would lose its hard links',
    );
    const report = mergeSync({ ...options, fs, lossy: ['owner', 'mode', 'xattr', 'time', 'hardlink'] });
    expect(report.lost.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
      { path: 'boot/linked', what: ['hardlink'] },
      { path: 'boot/marked', what: ['xattr'] },
      { path: 'boot/owned', what: ['owner'] },
      { path: 'boot/plain', what: ['hardlink'] },
      { path: 'boot/precise', what: ['time'] },
      { path: 'boot/program', what: ['mode'] },
    ]);
    expect(picture(fs, ROOT, false).filter((line) => line.includes('boot/program'))).toEqual([
      'boot/program file 600 0:0  1500000000.0 "program"',
    ]);
  });

  test('finds what is the same there, but for what is lost, and leaves it alone', () => {
    const fs = poorTarget(kernel.slice(0, 6));
    const again = { ...options, fs, keepImage: true, lossy: ['owner', 'mode', 'xattr', 'time'] } as const;
    expect(mergeSync(again).counts).toMatchObject({ created: 5, identical: 0 });
    expect(mergeSync(again).counts).toMatchObject({ created: 0, replaced: 0, identical: 5 });
  });

  test('refuses what it has no kind for, whatever may be lost', () => {
    const fs = poorTarget([
      { path: 'boot', type: 'directory' },
      { path: 'boot/link', type: 'symlink', content: 'x', mtime: even },
    ]);
    const error = refusal(() => mergeSync({ ...options, fs, lossy: ['owner', 'mode', 'xattr', 'time', 'hardlink'] }));
    expect(error.message).toBe('`boot/link` would lose being a symlink');
  });

  test('an entry that loses nothing there is merged', () => {
    const fs = poorTarget(kernel.slice(0, 1).concat({ path: 'boot/only', mode: 0o600, mtime: even }));
    expect(mergeSync({ ...options, fs })).toMatchObject({ lost: [], counts: { created: 1 } });
  });

  test.each([
    ['Readme', 'README'],
    ['\u00c9t\u00e9', '\u00e9t\u00e9'],
    ['caf\u00e9', 'cafe\u0301'],
    ['stra\u00dfe', 'STRASSE'],
    ['soft\u00adly', 'softly'],
  ])('names that differ by case alone need a directory that tells them apart: %s, %s', (...names) => {
    const fresh = names.map((name) => ({ path: Buffer.from(name).toString('latin1') }));
    const no = { answer: 'no', why: 'finds `Case` as `case`' } as const;
    const error = refusal(() => mergeSync({ ...options, fs: world([], fresh), facts: () => ({ caseSensitive: no }) }));
    expect(error).toMatchObject({ code: 'IMAGE_COLLISION' });
    const report = mergeSync({ ...options, fs: world([], fresh) });
    expect(report.sites[0]?.facts).toMatchObject({ caseSensitive: { answer: 'yes' } });
  });

  test.each([
    ['\xc9', '\xe8'],
    ['a\u0308', 'a'],
  ])('other names do not: %s, %s', (...names) => {
    const fresh = names.map((name) => ({ path: Buffer.from(name).toString('latin1') }));
    const report = mergeSync({ ...options, fs: world([], fresh) });
    expect(report.sites[0]?.facts).not.toHaveProperty('caseSensitive');
  });

  test('something that is not to be lost is a usage error', () => {
    const lossy = ['name'] as unknown as NonNullable<MergeOptions['lossy']>;
    expect(refusal(() => mergeSync({ ...options, lossy }))).toMatchObject({ code: 'BAD_OPTION' });
  });
});

test('asking a site leaves nothing in image and root, not even in the times of their directories', () => {
  const fs = world(programs('old'), programs('new'));
  const [image, root] = [picture(fs, IMAGE), picture(fs, ROOT)];
  // Staging fails at once: all that happened is that the site was asked.
  const failing = Object.assign(Object.create(fs) as FsPort, {
    link: (...args: Parameters<FsPort['link']>) => {
      if (args[3].includes('-u')) throw new SyscallError('EIO', 'linkat');
      fs.link(...args);
    },
  });
  expect(refusal(() => mergeSync({ ...options, fs: failing }))).toMatchObject({ code: 'STAGE_FAILED' });
  expect([picture(fs, IMAGE), picture(fs, ROOT)]).toEqual([image, root]);
});
