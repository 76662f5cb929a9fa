import { describe, expect, test } from '@jest/globals';
import { listConfigUpdates, mergeSync } from '../../src/index.ts';
import { directory, packageOptions, packageWorld } from '../ledger/package-world.ts';
import { configWorld, edit, edited, list, newest } from './config-world.ts';

const paths = (fs: Parameters<typeof list>[0], protect?: readonly string[]): string[] =>
  list(fs, protect && { configProtect: protect }).files.map(({ path }) => path);

describe('updates that wait', () => {
  test('are found below protected directories: not hidden ones, through no symlink, no backups (F.8)', () => {
    const fs = configWorld([
      ...['etc/b', 'etc/b/c', 'etc/.git', 'usr', 'usr/etc'].map(directory),
      ...['a', 'b/x', 'b/c/y', '.hidden', 'n~', 'n.bak', 'n.BAK', '.git/z'].map((path) => ({
        path: `etc/${path.replace(/[^/]*$/, (name) => `._cfg0000_${name}`)}`,
      })),
      ...['etc/._cfg000_a', 'etc/._cfg00000_a', 'etc/._cfg0000a', 'etc/_cfg0000_a', 'etc/._cfgabcd_a'].map((path) => ({
        path,
      })),
      { path: 'etc/elsewhere', type: 'symlink', content: '../usr/etc' },
      { path: 'usr/etc/._cfg0000_u' },
      { path: 'etc/._cfg0000_directory', type: 'directory' },
    ]);
    expect(paths(fs)).toEqual(['etc/.hidden', 'etc/a', 'etc/b/c/y', 'etc/b/x']);
    expect(fs.openHandles()).toBe(0);
  });

  test('are those of one file where a file is protected, and of a directory that a symlink leads to', () => {
    const fs = configWorld([
      ...['opt', 'opt/conf', 'srv'].map(directory),
      { path: 'opt/conf/._cfg0001_one' },
      { path: 'opt/conf/._cfg0002_one' },
      { path: 'opt/conf/._cfg0000_two' },
      { path: 'srv/conf', type: 'symlink', content: '/opt/conf' },
    ]);
    expect(paths(fs, ['/opt/conf/one'])).toEqual(['opt/conf/one']);
    expect(paths(fs, ['/srv/conf/'])).toEqual(['srv/conf/one', 'srv/conf/two']);
    // Each once, however many protected paths lead to it.
    expect(paths(fs, ['/opt', '/opt/conf', '/opt/conf/one'])).toEqual(['opt/conf/one', 'opt/conf/two']);
    expect(paths(fs, ['/nowhere', '/opt/conf/nothing'])).toEqual([]);
  });

  test('are told with their numbers, the newest last, with what differs and whether a base is known', () => {
    const fs = configWorld([
      ...edited,
      { path: 'etc/bin', content: 'a\0b' },
      { path: 'etc/._cfg0000_bin', content: 'a\0c' },
      { path: 'etc/comment', content: '# a\nx\n' },
      { path: 'etc/._cfg0010_comment', content: 'x\n# b\n' },
      { path: 'etc/._cfg0000_gone' },
      { path: 'etc/link', type: 'symlink', content: 'a' },
      { path: 'etc/._cfg0000_link', type: 'symlink', content: 'b' },
      { path: 'etc/long', content: 'x'.repeat(4 * 1024 * 1024 + 1) },
      { path: 'etc/._cfg0000_long' },
      { path: 'etc/same', content: 'same' },
      { path: 'etc/._cfg0000_same', content: 'same' },
      { path: 'etc/way', type: 'directory' },
      { path: 'etc/._cfg0000_way' },
    ]);
    const told = list(fs).files.map(({ number, path, updates, difference, hasBase }) =>
      [number, path, updates.map((update) => update.number).join('+'), difference, ...(hasBase ? ['base'] : [])].join(
        ' ',
      ),
    );
    expect(told).toEqual([
      '1 etc/app.conf 0+3 text base',
      '2 etc/bin 0 binary',
      '3 etc/comment 10 trivial',
      '4 etc/gone 0 missing',
      '5 etc/link 0 symlink',
      '6 etc/long 0 large',
      '7 etc/same 0 same',
      '8 etc/way 0 type',
    ]);
  });

  test('of a merged package have its owner and the base that the merge kept', () => {
    const file = (content: string) => [directory('etc'), { path: 'etc/app.conf', content }];
    const fs = packageWorld({ one: file('a\nb\nc\n'), two: file('a\nb\nC\n') }, [directory('etc')]);
    mergeSync(packageOptions(fs, 'one', '1'));
    edit(fs, 'etc', 'app.conf', 'A\nb\nc\n');
    mergeSync(packageOptions(fs, 'two', '2'));
    const [only] = listConfigUpdates({ root: '/root', fs, owners: true }).files;
    const owners = ['app-misc/app-2'];
    expect(only).toMatchObject({ path: 'etc/app.conf', difference: 'text', hasBase: true, owners });
    expect(only && newest(only).name).toBe('._cfg0000_app.conf');
  });
});
