import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { asMapsShows, isAmbiguous, parseMaps } from '../../src/processes/mappings.ts';
import { parseState } from '../../src/processes/process.ts';

/** A line of maps as the kernel pads it: the path starts in column 73. */
const line = (head: string, path: Bytes | string): string => `${head.padEnd(72)} ${path}`;

test('maps is read by its columns: a path keeps its spaces, first and last, and every byte', () => {
  const odd = toBytes(Uint8Array.of(0x2f, 0xff, 0x1b, 0x5b, 0x20));
  const text = [
    line('55f94ed95000-55f94ed97000 r--p 00000000 fe:00 2147357 ', '/bin/cat'),
    line('55f94ed97000-55f94ed9c000 r-xp 00002000 fe:00 2147357 ', ' unmounted lazily '),
    line('7f71a2622000-7f71a2629000 r--s 00000000 00:1f 338846 ', odd),
    line('00400000-00401000 rwxp 00000000 103:2 7 ', '/low (deleted)'),
    '',
  ].join('\n');
  expect(parseMaps(ascii(text))).toEqual([
    { range: '55f94ed95000-55f94ed97000', executable: false, inode: 'fe:00 2147357', text: '/bin/cat' },
    { range: '55f94ed97000-55f94ed9c000', executable: true, inode: 'fe:00 2147357', text: ' unmounted lazily ' },
    { range: '7f71a2622000-7f71a2629000', executable: false, inode: '00:1f 338846', text: odd },
    { range: '400000-401000', executable: true, inode: '103:2 7', text: '/low (deleted)' },
  ]);
});

test('memory that is of no file is left out', () => {
  const text = [
    line('55f9525a5000-55f9525c6000 rw-p 00000000 00:00 0 ', '[heap]'),
    '7f71a259f000-7f71a25c1000 rw-p 00000000 00:00 0 ',
    line('ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 ', '[vsyscall]'),
  ].join('\n');
  expect(parseMaps(ascii(text))).toEqual([]);
});

test('two paths that maps shows alike are ambiguous', () => {
  expect(asMapsShows(ascii('/a\nb'))).toBe(asMapsShows(ascii('/a\\012b')));
  expect(isAmbiguous(asMapsShows(ascii('/a\nb')))).toBe(true);
  expect(isAmbiguous(asMapsShows(ascii('/a\\b')))).toBe(false);
});

test('a command that looks like the end of its own field is read whole', () => {
  const fields = 'S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 3 0 100';
  expect(parseState(ascii(`7 (a) R 1 (\n) ${fields}\n`))).toEqual({
    command: 'a) R 1 (\n',
    state: 'S',
    kernelThread: false,
    parent: 1,
    threads: 3,
    startedAfterBoot: 1,
  });
});
