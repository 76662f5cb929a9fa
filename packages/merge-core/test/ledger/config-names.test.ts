import { ascii, type Bytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { configName, parseConfigName } from '../../src/ledger/config-names.ts';

/** What an update of `fstab` is called in a directory that holds these names, of which `same` is the same update. */
function named(names: readonly string[], same?: string): { name: string; replaces: boolean; asked: string[] } {
  const asked: string[] = [];
  const isSame = (candidate: Bytes) => {
    asked.push(candidate);
    return candidate === same;
  };
  return { ...configName(ascii('fstab'), names as Bytes[], isSame), asked };
}

test('the first update is number 0, and each goes one up from the highest (F.5)', () => {
  expect(named(['fstab', 'hosts'])).toEqual({ name: '._cfg0000_fstab', replaces: false, asked: [] });
  expect(named(['._cfg0007_fstab', '._cfg0001_fstab'])).toMatchObject({ name: '._cfg0008_fstab', replaces: false });
});

test('only the highest is looked at; when it is the same update it is replaced (F.5)', () => {
  expect(named(['._cfg0001_fstab', '._cfg0007_fstab'], '._cfg0007_fstab')).toEqual({
    name: '._cfg0007_fstab',
    replaces: true,
    asked: ['._cfg0007_fstab'],
  });
  // An older variant that comes again is a third file.
  expect(named(['._cfg0001_fstab', '._cfg0007_fstab'], '._cfg0001_fstab')).toEqual({
    name: '._cfg0008_fstab',
    replaces: false,
    asked: ['._cfg0007_fstab'],
  });
});

test('updates of other files, and names that only look like one, do not count (F.5)', () => {
  const names = [
    '._cfg0003_hosts',
    '._cfg0004_fstab~',
    '._cfg00005_fstab',
    '._cfg+006_fstab',
    '._cfg0007-fstab',
    'x._cfg0008_fstab',
  ];
  expect(named(names)).toEqual({ name: '._cfg0000_fstab', replaces: false, asked: [] });
});

test('after 9999 the newest is replaced, as no tool finds a name of five digits (F.5)', () => {
  expect(named(['._cfg9998_fstab', '._cfg9999_fstab'])).toEqual({ name: '._cfg9999_fstab', replaces: true, asked: [] });
});

test('a name of an update tells its number and its file, any bytes (F.8)', () => {
  expect(parseConfigName(ascii('._cfg0012_a b\n\xff_._cfg0001_c'))).toEqual({
    number: 12,
    name: 'a b\n\xff_._cfg0001_c',
  });
  expect(['._cfg0012_', '._cfg012_a', 'a', '._cfg00123_a'].map((name) => parseConfigName(ascii(name)))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
