import { thrown } from '@emplace/fixtures';
import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { MergeError } from '../../src/index.ts';
import { formatCounter, nextCounter, parseCounter } from '../../src/ledger/counter.ts';
import type { Entry } from '../engine/world.ts';
import { installed, Opened, rootWith } from './database.ts';

const FILE = ascii('var/cache/edb/counter');

function next(...entries: readonly Entry[]): number {
  using opened = new Opened(rootWith(...entries));
  return nextCounter(opened.vdb, FILE);
}

const counted = (name: string, counter: string): Entry[] =>
  installed(name, { contents: [], files: { COUNTER: counter } });

test('the next is one more than the file says and than every package has (G.7)', () => {
  const file: Entry = { path: FILE, content: '41' };
  expect(next(file)).toBe(42);
  expect(next(file, ...counted('a/b-1', '7'), ...counted('a/c-1', '100\n'))).toBe(101);
  expect(next(...counted('a/b-1', '7'))).toBe(8);
  expect(next()).toBe(0);
});

test('a half written entry counts too', () => {
  expect(next(...installed('a/b-1', { files: { SLOT: '', COUNTER: '900' } }))).toBe(901);
});

test('one that is no number is refused with its path, all at once', () => {
  const junk = [{ path: FILE, content: 'none' }, ...counted('a/b-1', '-1'), ...counted('a/c-1', '9007199254740991')];
  const { code, problems } = thrown(MergeError, () => next(...junk));
  expect(code).toBe('VDB_DAMAGED');
  expect(problems.map(({ path }) => path)).toEqual([FILE, 'var/db/pkg/a/b-1/COUNTER', 'var/db/pkg/a/c-1/COUNTER']);
});

test('it is written as Portage does, and read with blanks around it', () => {
  expect(formatCounter(120).toString()).toBe('120');
  expect(['120', ' 120\n', '', '1.5', '0x10', '1e3', '9007199254740990'].map(parseCounter)).toEqual([
    ...[120, 120, undefined, undefined, undefined, undefined, 9007199254740990],
  ]);
});
