import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { expect, test } from '@jest/globals';
import {
  ascii,
  close,
  makedev,
  nextMapping,
  O_CLOEXEC,
  O_RDONLY,
  open,
  PROCMAP_QUERY_FILE_BACKED_VMA,
  PROCMAP_QUERY_VMA_EXECUTABLE,
} from '../src/index.ts';

const [major = 0, minor = 0] = release().split('.').map(Number);
const queryTest = major > 6 || (major === 6 && minor >= 11) ? test : test.skip;

/** Process 1 may not be ours to read; this one changes while it is read, but not in the code that it runs. */
const MAPS = ascii('/proc/self/maps');

function queried(flags: number): string[] {
  const maps = open(MAPS, O_RDONLY | O_CLOEXEC);
  const found: string[] = [];
  for (let address = 0n; ; ) {
    const mapping = nextMapping(maps, address, flags);
    if (mapping === undefined) break;
    const { start, end, dev, ino, name } = mapping;
    found.push(`${start.toString(16)}-${end.toString(16)} ${dev} ${ino} ${name}`);
    address = end;
  }
  close(maps);
  return found;
}

queryTest('the code that a process has mapped from files is told as maps tells it', () => {
  // First, for the first call loads the library that makes it.
  const found = queried(PROCMAP_QUERY_VMA_EXECUTABLE | PROCMAP_QUERY_FILE_BACKED_VMA);
  const lines = readFileSync(MAPS, 'latin1').matchAll(/^0*(\w+)-0*(\w+) ..x. \S+ (\w+):(\w+) (\d+) +(\/.*)$/gm);
  const expected = Array.from(lines, ([, start, end, high = '', low = '', ino, name]) => {
    return `${start}-${end} ${makedev(Number.parseInt(high, 16), Number.parseInt(low, 16))} ${ino} ${name}`;
  });
  expect(expected).not.toEqual([]);
  expect(found).toEqual(expected);
});

queryTest('without a condition all mappings are told, memory of no file by an empty name', () => {
  expect(queried(0).filter((line) => line.endsWith(' 0 0 '))).not.toEqual([]);
});

test('what is no list of mappings is refused', () => {
  const other = open(ascii('/proc/self/stat'), O_RDONLY | O_CLOEXEC);
  expect(() => nextMapping(other, 0n, 0)).toThrow(expect.objectContaining({ code: 'ENOTTY' }));
  close(other);
});
