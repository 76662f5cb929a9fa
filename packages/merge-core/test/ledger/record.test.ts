import { thrown } from '@emplace/fixtures';
import { ascii, type Bytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MergeError } from '../../src/errors.ts';
import { digestData } from '../../src/ledger/digests.ts';
import { formatRecord, parseRecord, type RecordedEntry, recordXattrs } from '../../src/ledger/record.ts';

const WHERE = ascii('var/db/pkg/c/p-1/EMPLACE');
const time = { sec: 1_500_000_000, nsec: 123_456_789 };
const attributes = { mode: 0o4755, uid: 0, gid: 12, mtime: time };

const entries: readonly RecordedEntry[] = [
  { path: ascii('usr'), type: 'directory', ...attributes },
  {
    path: ascii('usr/x'),
    type: 'file',
    ...attributes,
    size: 3,
    digests: digestData(['md5', 'sha256', 'blake2b'], Buffer.from('abc')),
    xattrs: recordXattrs(new Map([[ascii('security.capability'), Buffer.from([1, 0, 255])]])),
  },
  { path: ascii('usr/l'), type: 'symlink', ...attributes, target: ascii('x -> \n') },
  { path: ascii('usr/null'), type: 'char', ...attributes, rdev: 259 },
  { path: ascii('usr/pipe'), type: 'fifo', ...attributes, mtime: { sec: -5, nsec: 0 } },
];

const bytes = fc
  .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 20 })
  .map((units) => String.fromCharCode(...units) as Bytes);
const names = bytes.map((name) => name.replaceAll('/', '_')).filter((name) => name !== '.' && name !== '..');
const paths = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/') as Bytes);

function refused(content: Buffer): MergeError {
  return thrown(MergeError, () => parseRecord(content, WHERE));
}

test('a record is read as it was written, with whatever bytes are in names and targets', () => {
  expect(parseRecord(formatRecord(entries), WHERE)).toEqual(entries);
  const any = fc.record({ path: paths, target: bytes, key: bytes, value: fc.uint8Array({ maxLength: 600 }) });
  fc.assert(
    fc.property(fc.array(any), (some) => {
      const links = some.map(({ path, target, key, value }): RecordedEntry => {
        const xattrs = recordXattrs(new Map([[`user.${key}` as Bytes, Buffer.from(value)]]));
        return { path, type: 'symlink', ...attributes, target, xattrs };
      });
      expect(parseRecord(formatRecord(links), WHERE)).toEqual(links);
    }),
  );
});

test('it is one line for each entry, and of a UTF-8 name UTF-8', () => {
  const path = Buffer.from('usr/größe').toString('latin1') as Bytes;
  const lines = formatRecord([{ path, type: 'fifo', ...attributes }])
    .toString('utf8')
    .split('\n');
  expect(lines.slice(0, 2)).toEqual([
    '{"emplace":"record","version":1}',
    '{"path":"usr/größe","type":"fifo","mode":2541,"uid":0,"gid":12,"mtime":[1500000000,123456789]}',
  ]);
  expect(lines).toHaveLength(4);
});

test('many entries go through in pieces', () => {
  const many = Array.from({ length: 10_000 }, (_, i): RecordedEntry => {
    return { path: ascii(`d/${i}`), type: 'fifo', ...attributes };
  });
  expect(parseRecord(formatRecord(many), WHERE)).toEqual(many);
});

test('a record that is torn at any byte, or changed at any, is damaged: RECORD_UNREADABLE', () => {
  const content = formatRecord(entries);
  for (let at = 0; at < content.length - 1; at++) {
    expect(refused(content.subarray(0, at)).code).toBe('RECORD_UNREADABLE');
    const changed = Buffer.from(content);
    changed[at] = (changed[at] as number) ^ 1;
    expect(refused(changed).code).toBe('RECORD_UNREADABLE');
  }
});

test.each<[string, (lines: string[]) => void]>([
  ['line 1: it is no record', (lines) => lines.splice(0, 1, '{"emplace":"else"}')],
  ['line 1: version 2 is not 1', (lines) => lines.splice(0, 1, '{"emplace":"record","version":2}')],
  ['line 2: it is no JSON', (lines) => lines.splice(1, 1, '{"path":')],
  ['line 2: it is no object', (lines) => lines.splice(1, 1, '[]')],
  ['line 2: `path` is no path', (lines) => lines.splice(1, 1, (lines[1] as string).replace('"usr"', '"../usr"'))],
  ['line 2: `mode` is no number', (lines) => lines.splice(1, 1, (lines[1] as string).replace('2541', '999999'))],
  ['line 2: `type` is unknown', (lines) => lines.splice(1, 1, (lines[1] as string).replace('directory', 'door'))],
  ['line 3: `md5` is no digest', (lines) => lines.splice(2, 1, (lines[2] as string).replace('"md5":"9', '"md5":"'))],
  ['line 6: there are 4 entries, not as many', (lines) => lines.splice(1, 1)],
  ['line 8: something follows the end', (lines) => lines.splice(7, 0, '{}')],
])('what is wrong is told with the line: %s', (message, spoil) => {
  const lines = formatRecord(entries).toString('latin1').split('\n');
  spoil(lines);
  expect(refused(Buffer.from(lines.join('\n'), 'latin1')).message).toContain(`\`${WHERE}\`, ${message}`);
});

test('keys and digests of a later Emplace are passed over', () => {
  const [entry] = entries;
  const more = { ...entry, later: [1], type: 'file', size: 0, digests: { shake: 'zz' } } as unknown as RecordedEntry;
  expect(parseRecord(formatRecord([more]), WHERE)).toEqual([{ ...entry, type: 'file', size: 0, digests: {} }]);
});

test('a long attribute is recorded by its digest', () => {
  const value = Buffer.alloc(1000, 'x');
  expect(
    recordXattrs(
      new Map([
        [ascii('user.b'), value],
        [ascii('user.a'), Buffer.from('v')],
      ]),
    ),
  ).toEqual({
    'user.a': 'base64:dg==',
    'user.b': `sha256:${digestData(['sha256'], value).sha256}`,
  });
});
