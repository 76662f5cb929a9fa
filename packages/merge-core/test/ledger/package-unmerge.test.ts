/** Packages that go, through whole unmerges and upgrades (docs/PORTAGE.md, I). */
import { beforeCall } from '@emplace/fixtures/faults';
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { MergeError, type PackageOptions } from '../../src/index.ts';
import { type Entry, picture, ROOT } from '../engine/world.ts';
import { installed } from './database.ts';
import {
  directory,
  edit,
  link,
  mergeVersion,
  packageWorld,
  retarget,
  rm,
  shown,
  statIn,
  unmergeVersion,
} from './package-world.ts';

const MERGED = { sec: 1_500_000_000, nsec: 0 };

/** A package of one file of each kind, merged; then somebody does something, and it goes. */
function after(
  entries: readonly Entry[],
  act: (fs: ReturnType<typeof packageWorld>) => void,
  ledger: PackageOptions = {},
  root: readonly Entry[] = [],
): string[] {
  const fs = packageWorld({ 1: entries }, root);
  mergeVersion(fs, '1', ledger);
  act(fs);
  unmergeVersion(fs, '1', ledger);
  expect(statIn(fs, 'var/db/pkg/app-misc/app-1')).toBeUndefined();
  expect(fs.openHandles()).toBe(0);
  return shown(fs);
}

const nothing = (): void => {};

test('directories are opened for what lies in them, and not again for each file that goes', () => {
  const opened = (files: number): number => {
    const names = Array.from({ length: files }, (_, i) => ({ path: `s/f${i}`, content: 'f' }));
    const fs = packageWorld({ 1: [...file, ...conf, ...names] });
    mergeVersion(fs, '1');
    let calls = 0;
    const counted = beforeCall(fs, (name) => {
      if (name === 'openDir' || name === 'openFile') calls++;
    });
    unmergeVersion(counted, '1');
    expect(shown(fs)).toEqual([]);
    return calls;
  };
  expect(opened(50)).toBe(opened(5));
});
const file: readonly Entry[] = [directory('s'), { path: 's/f', content: 'f' }];
const conf: readonly Entry[] = [directory('etc'), { path: 'etc/c', content: 'c' }];

describe('what goes and what stays', () => {
  test('all that is as it was merged, of every kind (I.2, I.4)', () => {
    const all: Entry[] = [
      ...file,
      ...conf,
      { path: 's/l', type: 'symlink', content: 'f' },
      { path: 's/lost', type: 'symlink', content: 'nowhere' },
      { path: 's/pipe', type: 'fifo' },
      { path: 's/device', type: 'char' },
      { path: 's/hard', link: 's/f' },
      ...['s/d', 's/d/e'].map(directory),
      { path: 's/ld', type: 'symlink', content: 'd' },
    ];
    expect(after(all, nothing)).toEqual([]);
  });

  test('the category goes with the last of its packages, once our lock of it is gone', () => {
    const fs = packageWorld({ 1: file });
    rm(fs, 'var/db/pkg/app-misc');
    mergeVersion(fs, '1');
    unmergeVersion(fs, '1');
    expect(statIn(fs, 'var/db/pkg/app-misc')).toBeUndefined();
  });

  test('a verdict says where a path really is, when that is elsewhere', () => {
    const image = [directory('lib'), directory('usr'), { path: 'lib/x' }, { path: 'usr/y' }];
    const fs = packageWorld({ 1: image }, [
      directory('usr'),
      directory('usr/lib'),
      { path: 'lib', type: 'symlink', content: 'usr/lib' },
    ]);
    mergeVersion(fs, '1');
    const found = unmergeVersion(fs, '1').ledger?.verdicts.filter(({ type }) => type === 'obj');
    expect(found?.map(({ path, target }) => [path, target])).toEqual([
      ['usr/y', undefined],
      ['lib/x', 'usr/lib/x'],
    ]);
  });

  test('what is gone already is no matter (I.2b)', () => {
    expect(after(file, (fs) => rm(fs, 's'))).toEqual([]);
  });

  test('UNINSTALL_IGNORE, by default kernel modules, and the symlinks of the library directories stay (I.2c)', () => {
    const entries: Entry[] = [
      ...['lib64', 'usr', 'usr/lib64'].map(directory),
      { path: 'lib', type: 'symlink', content: 'lib64' },
      { path: 'usr/lib', type: 'symlink', content: 'lib64' },
      { path: 'usr/x', content: '' },
    ];
    expect(after(entries, nothing)).toEqual(['lib -> lib64', 'usr/', 'usr/lib -> lib64']);
    const modules: Entry[] = [
      ...['lib', 'lib/modules', 'lib/modules/6'].map(directory),
      { path: 'lib/modules/6/m.ko', content: 'm' },
    ];
    expect(after(modules, nothing)).toEqual(['lib/', 'lib/modules/', 'lib/modules/6/', 'lib/modules/6/m.ko "m"']);
    expect(after(file, nothing, { uninstallIgnore: ['/s/*'] })).toEqual(['s/', 's/f "f"']);
  });

  test('what another version of the slot lists stays (I.2d)', () => {
    const fs = packageWorld({}, [
      ...file,
      { path: 's/g', content: 'g' },
      ...installed('app-misc/app-1', { contents: ['dir s', 's/f', 's/g'] }),
      ...installed('app-misc/app-2', { contents: ['dir s', 's/f'] }),
    ]);
    unmergeVersion(fs, '1');
    expect(shown(fs)).toEqual(['s/', 's/f "f"']);
  });

  test('what was changed goes too, whatever it is now, unless it is protected (I.2e)', () => {
    expect(after(file, (fs) => edit(fs, 's/f', 'changed'))).toEqual([]);
    expect(after(file, (fs) => retarget(fs, 's/f', 'elsewhere'))).toEqual([]);
    expect(after(conf, (fs) => edit(fs, 'etc/c', 'changed'))).toEqual(['etc/', 'etc/c "changed"']);
    // By its time alone, by its content with its old time, and by another type.
    expect(after(conf, (fs) => edit(fs, 'etc/c', 'c'))).toEqual(['etc/', 'etc/c "c"']);
    expect(after(conf, (fs) => edit(fs, 'etc/c', 'd', MERGED))).toEqual(['etc/', 'etc/c "d"']);
    expect(after(conf, (fs) => edit(fs, 'etc/c', 'c', MERGED))).toEqual([]);
    expect(after(conf, (fs) => retarget(fs, 'etc/c', 'mine'))).toEqual(['etc/', 'etc/c -> mine']);
  });

  test('`keepModified`: what was changed stays (I.2f, I.2h, I.2i)', () => {
    const keepModified = true;
    expect(after(file, (fs) => edit(fs, 's/f', 'changed'), { keepModified })).toEqual(['s/', 's/f "changed"']);
    expect(after(file, (fs) => edit(fs, 's/f', 'f', MERGED), { keepModified })).toEqual([]);
    const link: Entry[] = [directory('s'), { path: 's/l', type: 'symlink', content: 'x' }];
    expect(after(link, (fs) => edit(fs, 's/l', 'f', MERGED), { keepModified })).toEqual(['s/', 's/l "f"']);
  });

  test('a directory that is none now stays, one with anything in it too (I.2g, I.4)', () => {
    const entries = [...file, directory('s/d'), { path: 's/d/x', content: '' }];
    expect(after(entries, (fs) => edit(fs, 's/d/mine', 'mine'))).toEqual(['s/', 's/d/', 's/d/mine "mine"']);
    const turned = after(
      entries,
      (fs) => {
        rm(fs, 's/d');
        edit(fs, 's/d', 'a file');
      },
      { keepModified: true },
    );
    expect(turned).toEqual(['s/', 's/d "a file"']);
  });

  test('special files below /etc stay, others go (I.2e, I.2j)', () => {
    const special: Entry[] = [
      ...['etc', 's'].map(directory),
      { path: 'etc/pipe', type: 'fifo' },
      { path: 'etc/device', type: 'char' },
      { path: 's/pipe', type: 'fifo' },
      { path: 's/device', type: 'char' },
    ];
    expect(after(special, nothing)).toEqual(['etc/', 'etc/device char', 'etc/pipe fifo']);
  });

  test('a symlink to a directory stays while another package has files through it, and is told (I.2h, I.5)', () => {
    const entries: Entry[] = [...file, directory('s/d'), { path: 's/ld', type: 'symlink', content: 'd' }];
    const others = installed('dev-libs/other-1', { contents: ['dir s', 's/ld/x'] });
    const fs = packageWorld({ 1: entries }, [directory('var/db/pkg/dev-libs'), ...others]);
    mergeVersion(fs, '1');
    edit(fs, 's/d/x', 'of the other');
    const { ledger } = unmergeVersion(fs, '1');
    expect(shown(fs)).toEqual(['s/', 's/d/', 's/d/x "of the other"', 's/ld -> d']);
    expect(ledger?.linksKept.map(({ path, owners }) => [path, owners.map(({ pf }) => pf)])).toEqual([
      ['s/ld', ['other-1']],
    ]);
    // Without that package nobody needs it.
    const alone = after(entries, (world) => edit(world, 's/d/x', 'of nobody'));
    expect(alone).toEqual(['s/', 's/d/', 's/d/x "of nobody"']);
  });

  test('where the CONTENTS of another package is torn nobody can tell who needs a symlink: nothing is removed (I.5)', () => {
    const entries: Entry[] = [...file, directory('s/d'), { path: 's/ld', type: 'symlink', content: 'd' }];
    const torn = installed('dev-libs/other-1', { contents: ['dir s', '! obj /s/l'] });
    const fs = packageWorld({ 1: entries }, [directory('var/db/pkg/dev-libs'), ...torn]);
    mergeVersion(fs, '1');
    edit(fs, 's/d/x', 'of somebody');
    const before = picture(fs, ROOT);
    expect(() => unmergeVersion(fs, '1')).toThrow(/`var\/db\/pkg\/dev-libs\/other-1\/CONTENTS`, line 2: /);
    expect(picture(fs, ROOT)).toEqual(before);
    // What has no such symlink goes.
    rm(fs, 's/ld');
    unmergeVersion(fs, '1');
    expect(shown(fs)).toEqual(['s/', 's/d/', 's/d/x "of somebody"']);
  });

  test('an index of info pages goes with the last of them (I.4)', () => {
    const entries: Entry[] = [
      ...['usr', 'usr/share', 'usr/share/info'].map(directory),
      { path: 'usr/share/info/x.info', content: '' },
    ];
    expect(after(entries, (fs) => edit(fs, 'usr/share/info/dir', 'index'))).toEqual([]);
  });
});

describe('a setuid program with a hard link that nobody lists (I.6)', () => {
  const suid: Entry[] = [directory('s'), { path: 's/su', content: 'su', mode: 0o4755 }];
  const linked = (): ReturnType<typeof packageWorld> => {
    const fs = packageWorld({ 1: suid, 2: suid, 3: [directory('s')] }, [directory('home')]);
    mergeVersion(fs, '1');
    link(fs, 's/su', 'home/kept');
    return fs;
  };

  test.each([
    ['an unmerge', (fs: ReturnType<typeof packageWorld>) => unmergeVersion(fs, '1')],
    ['an upgrade that has it', (fs: ReturnType<typeof packageWorld>) => mergeVersion(fs, '2')],
    ['an upgrade that has it no more', (fs: ReturnType<typeof packageWorld>) => mergeVersion(fs, '3')],
  ])('refuses %s, and nothing is changed', (_what, act) => {
    const fs = linked();
    const before = picture(fs, ROOT);
    let error: unknown;
    try {
      act(fs);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(MergeError);
    expect(error).toMatchObject({ code: 'SUSPICIOUS_HARD_LINK', outcome: 'refused' });
    expect(picture(fs, ROOT)).toEqual(before);
  });

  test('links that the package lists are fine, and a user who opened the program before keeps nothing of use (I.3)', () => {
    const fs = packageWorld({ 1: [...suid, { path: 's/su2', link: 's/su' }] });
    mergeVersion(fs, '1');
    const dir = fs.openRoot(ascii('/root/s'));
    const held = fs.pin(dir, ascii('su'));
    fs.closeDir(dir);
    unmergeVersion(fs, '1');
    expect(shown(fs)).toEqual([]);
    expect(fs.statHandle(held).mode & 0o6000).toBe(0);
    fs.closeFile(held);
  });
});

describe('an upgrade', () => {
  test('keeps the symlink where the new version has a directory of that name, and the directory behind it (I.2d)', () => {
    const one: Entry[] = [
      ...['s', 's/real'].map(directory),
      { path: 's/real/a', content: '1' },
      { path: 's/l', type: 'symlink', content: 'real' },
    ];
    const two: Entry[] = [...['s', 's/l'].map(directory), { path: 's/l/a', content: '2' }];
    const fs = packageWorld({ 1: one, 2: two });
    mergeVersion(fs, '1');
    const { ledger } = mergeVersion(fs, '2');
    expect(shown(fs)).toEqual(['s/', 's/l -> real', 's/real/', 's/real/a "2"']);
    expect(ledger?.linksKept.map(({ path }) => path)).toEqual(['s/l']);
  });

  test('takes obsolete files along, in directories that both have and in those that go, nested ones too', () => {
    const one = [
      ...['s', 's/a', 's/a/b', 's/a/b/c', 's/both'].map(directory),
      { path: 's/a/b/c/x', content: '' },
      { path: 's/both/1', content: '' },
    ];
    const two = [...['s', 's/both'].map(directory), { path: 's/both/2', content: '2' }];
    const fs = packageWorld({ 1: one, 2: two });
    mergeVersion(fs, '1');
    mergeVersion(fs, '2');
    expect(shown(fs)).toEqual(['s/', 's/both/', 's/both/2 "2"']);
  });

  test('leaves what the administrator put in the place of an obsolete file below /etc', () => {
    const fs = packageWorld({ 1: conf, 2: [directory('s')] });
    mergeVersion(fs, '1');
    edit(fs, 'etc/c', 'mine');
    mergeVersion(fs, '2');
    expect(shown(fs)).toEqual(['etc/', 'etc/c "mine"', 's/']);
  });
});

test('what is not installed is refused by name', () => {
  const fs = packageWorld({});
  const before = picture(fs, ROOT);
  expect(() => unmergeVersion(fs, '1')).toThrow(expect.objectContaining({ code: 'NOT_INSTALLED' }));
  expect(() => unmergeVersion(fs, '1', { package: undefined, contents: '/root/no/list' } as never)).toThrow(
    /`no\/list` is not in the root/,
  );
  expect(picture(fs, ROOT)).toEqual(before);
});
