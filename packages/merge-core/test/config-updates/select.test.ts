import { thrown } from '@emplace/fixtures';
import { expect, test } from '@jest/globals';
import { allConfigUpdates, MergeError, selectConfigUpdates } from '../../src/index.ts';
import { configWorld, edited, list } from './config-world.ts';

const { files } = list(
  configWorld([...edited, { path: 'etc/7' }, { path: 'etc/._cfg0000_7' }, { path: 'etc/._cfg0000_a\xff' }]),
);

function select(...names: (string | Uint8Array)[]): string[] {
  return selectConfigUpdates(files, names, '/root').map(({ file, update }) => `${file.path} ${update.number}`);
}

test('an update is named by number, by its file or itself, as seen from the root, from outside, or from a directory', () => {
  expect(select('2')).toEqual(['etc/app.conf 3']);
  for (const name of [
    '/etc/app.conf',
    '/root/etc/app.conf',
    'etc/app.conf',
    '/etc//x/../app.conf',
    '/etc/._cfg0003_app.conf',
  ])
    expect(select(name)).toEqual(['etc/app.conf 3']);
  expect(select('/etc/._cfg0000_app.conf')).toEqual(['etc/app.conf 0']);
  expect(select('/etc/7')).toEqual(['etc/7 0']);
  expect(select(Buffer.from('/etc/a\xff', 'latin1'))).toEqual(['etc/a\xff 0']);
  expect(select('1', '/etc/7', '2').length).toBe(2);
  expect(allConfigUpdates(files).map(({ update }) => update.number)).toEqual([0, 3, 0]);
});

test('what names no update, or two of one file, is CONFIG_UPDATE_UNKNOWN', () => {
  for (const names of [['9'], ['0'], ['7'], ['/etc/other'], ['/etc'], ['2', '/etc/._cfg0000_app.conf']])
    expect(thrown(MergeError, () => select(...names))).toMatchObject({ code: 'CONFIG_UPDATE_UNKNOWN', exitCode: 2 });
  expect(thrown(MergeError, () => select('/etc/\u001b[31m')).message).toBe('no update waits for `/etc/\\x1b[31m`');
});
