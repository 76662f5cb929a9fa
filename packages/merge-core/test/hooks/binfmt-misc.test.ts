/** With what Linux 6.18 shows of formats that were registered: registering them here would change the machine. */
import { writeFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { isRegistered } from '../../src/hooks/binfmt-misc.ts';

const SHOWN = {
  status: 'enabled\n',
  emulated: 'enabled\ninterpreter /bin/cat\nflags: OC\noffset 2\nmagic 7f454c4602\nmask fffffffffe\n',
  unmasked: 'enabled\ninterpreter /bin/cat\nflags: \noffset 0\nmagic 414243\n',
  java: 'enabled\ninterpreter /bin/cat\nflags: \nextension .jar\n',
};

function askOf(shown: Readonly<Record<string, string>>): (head: string, path?: string) => boolean {
  return (head, path = '/x') => {
    using place = temporaryDirectory();
    for (const [name, text] of Object.entries(shown)) writeFileSync(place.at(name), text);
    return isRegistered(Buffer.from(head, 'latin1'), ascii(path), place.path);
  };
}

test('a file is known by its first bytes, or the end of its name', () => {
  const ask = askOf(SHOWN);
  expect([ask('ABCD'), ask('AB'), ask('xABC')]).toEqual([true, false, false]);
  expect([ask('--\x7fELF\x02'), ask('--\x7fELF\x03'), ask('--\x7fELF\x04'), ask('\x7fELF\x02')]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([ask('', '/a/b.jar'), ask('', '/a.jar/b'), ask('', '/a/jar'), ask('', '/b.jar.jar')]).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test('what is switched off counts for nothing, alone or all together', () => {
  expect(askOf({ ...SHOWN, unmasked: SHOWN.unmasked.replace('enabled', 'disabled') })('ABC')).toBe(false);
  expect(askOf({ ...SHOWN, status: 'disabled\n' })('ABC')).toBe(false);
});

test('where nothing is mounted nothing is registered', () => {
  expect(isRegistered(Buffer.from('ABC'), ascii('/x'), '/nowhere')).toBe(false);
  expect(askOf({})('ABC')).toBe(false);
});
