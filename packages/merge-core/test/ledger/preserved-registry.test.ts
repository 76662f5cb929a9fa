import { thrown } from '@emplace/fixtures';
import { ascii, type Bytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { MergeError } from '../../src/index.ts';
import { parsePackageName } from '../../src/ledger/package-name.ts';
import { formatRegistry, parseRegistry, register, unregister } from '../../src/ledger/preserved-registry.ts';

const AT = ascii('var/lib/portage/preserved_libs_registry');
const zlib = {
  slot: 'sys-libs/zlib:0',
  package: 'sys-libs/zlib-2',
  counter: '12',
  paths: ['usr/lib64/libz.so.1', 'usr/lib64/libz.so.1.3'].map(ascii),
};

test('the registry is read and written as Portage has it', () => {
  const text =
    '{\n\t"sys-libs/zlib:0": [\n\t\t"sys-libs/zlib-2",\n\t\t"12",\n\t\t[\n\t\t\t"/usr/lib64/libz.so.1",\n\t\t\t"/usr/lib64/libz.so.1.3"\n\t\t]\n\t]\n}';
  expect(parseRegistry(Buffer.from(text), AT)).toEqual([zlib]);
  expect(formatRegistry([zlib], AT).toString()).toBe(text);
  expect(parseRegistry(Buffer.from('{"a/b:0": ["a/b-1", 7, []]}'), AT)).toEqual([
    { slot: 'a/b:0', package: 'a/b-1', counter: '7', paths: [] },
  ]);
  expect([parseRegistry(Buffer.from('\n'), AT), parseRegistry(Buffer.from('{}'), AT)]).toEqual([[], []]);
});

test.each([
  '{"a/b:0": ',
  '{"a/b:0": "a/b-1"}',
  '{"a/b:0": ["a/b-1", "1", ["relative"]]}',
  '{"a/b:0": ["a/b-1", "1", [5]]}',
  'null',
  '[]',
  '5',
  '""',
  '[1]',
])('what is no registry is refused with its path: %s', (text) => {
  const { code, message } = thrown(MergeError, () => parseRegistry(Buffer.from(text), AT));
  expect([code, message]).toEqual(['VDB_DAMAGED', expect.stringContaining(`\`${AT}\` is no registry`)]);
});

test('a path that JSON cannot hold is refused, one with other letters is not', () => {
  const of = (path: string) => [{ ...zlib, paths: [path as Bytes] }];
  expect(parseRegistry(formatRegistry(of('lib/\xc3\xa4"\\'), AT), AT)).toEqual(of('lib/\xc3\xa4"\\'));
  expect(thrown(MergeError, () => formatRegistry(of('lib/\xe4'), AT)).code).toBe('VDB_DAMAGED');
});

test('a merge puts what it keeps in, in place of what the slot had, and what it brings anew is kept by nobody (A.17)', () => {
  const name = parsePackageName('sys-libs/zlib-3');
  const other = { ...zlib, slot: 'a/b:0', paths: ['usr/lib64/libz.so.2', 'usr/lib64/libq.so'].map(ascii) };
  const after = register([zlib, other], name, '0', 99, [ascii('usr/lib64/libz.so.2')]);
  expect(after).toEqual([
    { ...other, paths: ['usr/lib64/libq.so'] },
    { slot: 'sys-libs/zlib:0', package: 'sys-libs/zlib-3', counter: '99', paths: ['usr/lib64/libz.so.2'] },
  ]);
  expect(register([zlib], name, '0', 99, [])).toEqual([]);
  expect(unregister([zlib], new Set(zlib.paths))).toEqual([]);
});
