/** What a journal says is read back as it was meant, and what no merge can have written is told as damage. */
import { crc32 } from 'node:zlib';
import { ascii, type Bytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { MergeError } from '../../src/errors.ts';
import type { Attributes, Placement } from '../../src/plan/model.ts';
import { encode, planSeal, sealed as sealedPieces } from '../../src/transaction/journal-lines.ts';
import { parseJournal } from '../../src/transaction/parse-journal.ts';
import type { JournalRecord } from '../../src/transaction/records.ts';

const sealed = (record: JournalRecord): Buffer => Buffer.concat(sealedPieces(record));
const time = { sec: 1_700_000_000, nsec: 999_999_999 };
const attributes = (uid: number): Attributes => ({
  uid,
  gid: 7,
  mode: 0o4755,
  mtime: { sec: -1, nsec: 1 },
  xattrs: new Map([[ascii('user.k'), Buffer.from([0, 255])]]),
});
const old = { type: 'directory', ino: 2n ** 64n - 1n, mode: 0o40755, empty: true } as const;

const bare: Placement = {
  directory: 0,
  name: ascii('bare'),
  type: 'file',
  action: 'create',
  ino: 5n,
  placedIno: 5n,
  size: 0,
  entries: 1,
  rung: 'copy',
  staging: 'made',
  undo: 'none',
};
const begin: JournalRecord = {
  type: 'begin',
  version: 2,
  transaction: 'abcd0123',
  image: { path: ascii('/image'), id: '1:2' },
  keepImage: true,
  lossy: ['owner', 'mode', 'xattr', 'time', 'hardlink'],
  exclude: ['*.a', 'é/ü'],
};

/** Every kind of record of a plan, with all that it can say and with nothing of it. */
const plan: readonly JournalRecord[] = [
  begin,
  { type: 'lock', path: ascii('var/db/pkg/.lock') },
  { type: 'site', image: { path: ascii(''), mtime: time }, target: ascii('usr') },
  { type: 'site', image: undefined, target: ascii('') },
  { type: 'directory', directory: { image: undefined, target: ascii('opt'), action: 'drop' } },
  { type: 'directory', directory: { image: ascii(''), target: ascii(''), action: 'keep', oldMtime: time } },
  {
    type: 'directory',
    directory: { image: ascii('a'), target: ascii('b/c'), action: 'make', attributes: attributes(1) },
  },
  {
    type: 'directory',
    directory: {
      image: ascii('e'),
      target: ascii('e'),
      action: 'adopt',
      attributes: attributes(2),
      old: attributes(3),
      oldMtime: { sec: 0, nsec: 0 },
    },
  },
  { type: 'placement', placement: bare },
  {
    type: 'placement',
    placement: {
      ...bare,
      directory: 3,
      name: '\xff"\n\\' as Bytes,
      as: ascii('._cfg0000_x'),
      oldAs: ascii('x.backup.0000'),
      stagedAs: ascii('-MERGING-x-1'),
      action: 'swap',
      size: 2 ** 53 - 1,
      old: { ...old, born: time },
      staging: 'in-image',
      undo: 'exchange',
    },
  },
  { type: 'placement', placement: { ...bare, old, staging: 'moved', undo: 'link' } },
  {
    type: 'identical',
    identical: { directory: 1, name: ascii('same'), ino: 6n, mtime: time, oldMtime: { sec: 3, nsec: 4 } },
  },
  { type: 'masked', path: ascii('usr/share/doc') },
  { type: 'removal', removal: { directory: 2, name: ascii('gone'), old, undo: 'move' } },
];
const commit: JournalRecord = {
  type: 'commit',
  staged: [
    { index: 0, ino: 9n, staging: 'made', undo: 'reflink' },
    { index: 1, ino: 10n, staging: 'in-image', undo: 'copy' },
  ],
  kept: ['none', 'link', 'move', 'reflink', 'copy'],
};
const after: readonly JournalRecord[] = [commit, { type: 'rollback' }, { type: 'placed' }];

const planBytes = (lines: readonly string[]): Buffer => {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
  return Buffer.concat([bytes, planSeal(crc32(bytes))]);
};
const wholePlan = (): Buffer => planBytes(plan.map(encode));

const damage = (line: number): unknown =>
  expect.objectContaining({ code: 'JOURNAL_UNREADABLE', message: expect.stringContaining(`line ${line}:`) });

/** @returns false for what is told as damage. */
function isRead(content: Buffer): boolean {
  try {
    parseJournal(content);
    return true;
  } catch (error) {
    if (error instanceof MergeError && error.code === 'JOURNAL_UNREADABLE') return false;
    throw error;
  }
}

describe('a journal', () => {
  test('is read back as it was written, whatever its records can say', () => {
    const whole = wholePlan();
    const content = Buffer.concat([whole, ...after.map(sealed)]);
    expect(parseJournal(content)).toEqual({
      records: [...plan, { type: 'planned' }, ...after],
      length: content.length,
    });
  });

  test('that is cut within its plan is damaged, and after it has the records that are whole (J1, J2)', () => {
    const whole = wholePlan();
    for (let length = 0; length < whole.length - 1; length++) expect(isRead(whole.subarray(0, length))).toBe(false);
    const content = Buffer.concat([whole, sealed(commit), sealed({ type: 'placed' })]);
    const second = whole.length + sealed(commit).length;
    for (let length = whole.length; length <= content.length; length++) {
      const { records, length: taken } = parseJournal(content.subarray(0, length));
      const [count, end] = length === content.length ? [2, length] : length >= second ? [1, second] : [0, whole.length];
      expect([length, records.length - plan.length - 1, taken]).toEqual([length, count, end]);
    }
  });

  test('with a changed byte is damaged in its plan, and after it ends before the record that has it (J1, J2)', () => {
    const whole = wholePlan();
    const content = Buffer.concat([whole, sealed(commit), sealed({ type: 'placed' })]);
    for (let at = 0; at < content.length; at++) {
      const changed = Buffer.from(content);
      changed[at] = (changed[at] ?? 0) ^ 1;
      if (at < whole.length - 1) expect([at, isRead(changed)]).toEqual([at, false]);
      const last = at >= whole.length + sealed(commit).length;
      if (at >= whole.length)
        expect([at, parseJournal(changed).records.length]).toEqual([at, plan.length + (last ? 2 : 1)]);
    }
  });

  test('that begins with anything but its beginning, or names a directory that it has not, is damaged (J1)', () => {
    const lines = plan.map(encode);
    expect(() => parseJournal(planBytes(lines.slice(1)))).toThrow(damage(1));
    for (const record of [
      { type: 'placement', placement: { ...bare, directory: 4 } },
      { type: 'identical', identical: { directory: 4, name: ascii('x'), ino: 1n, mtime: time, oldMtime: time } },
      { type: 'removal', removal: { directory: 4, name: ascii('x'), old, undo: 'link' } },
    ] as const)
      expect(() => parseJournal(planBytes([...lines, encode(record)]))).toThrow(damage(plan.length + 1));
  });
});

/** In place of each of them something that recovery must not act on. */
describe('a record is damage when', () => {
  const fieldsOf = (record: JournalRecord): unknown[] => JSON.parse(encode(record)) as unknown[];
  const refuses = (fields: unknown): void => {
    const lines = [begin, ...plan.slice(4, 8)].map(encode);
    const content = planBytes([...lines, JSON.stringify(fields)]);
    expect({ fields, isRead: isRead(content) }).toEqual({ fields, isRead: false });
  };

  test('it is no list, or of a kind that there is not', () => {
    for (const fields of [null, 7, 'x', {}, [], ['y'], [['x', 'a']], ['planned']]) refuses(fields);
  });

  test.each(plan.map((record, at) => ({ at, record })))(
    'a field of $record.type ($at) is of another kind',
    ({ record }) => {
      const fields = fieldsOf(record);
      for (let at = 1; at < fields.length; at++) {
        refuses(fields.toSpliced(at, 1, { x: 1 }));
        // Of what may be left out `null` says so; nothing else is left out.
        if (fields[at] !== null && typeof fields[at] !== 'object' && !mayBeNull(record, at))
          refuses(fields.toSpliced(at, 1, null));
      }
    },
  );

  test.each([
    ['a name', 'p', 2, ['', '.', '..', 'a/b', '/', 'a\0', 7]],
    ['another name', 'p', 3, ['', '..', 'a/b']],
    ['a count', 'p', 1, [-1, 0.5, 2 ** 53, '0']],
    ['an inode', 'p', 8, ['', '-1', '1x', 'x1', '1'.repeat(21), 1]],
    ['a type', 'p', 6, ['', 'door']],
    ['a size', 'p', 9, [-1, 1.5]],
    ['how it is staged', 'p', 13, ['', 'copied']],
    ['an undo', 'p', 14, ['', 'move']],
    ['a path', 'x', 1, ['/a', 'a/', 'a//b', 'a/../b', './a', '..', 'a\0b']],
    ['what is kept', 'r', 4, ['', 'exchange']],
    ['an old entry', 'r', 3, [null, [], ['file', '1', 1], ['file', '1', -1, true, null]]],
    ['a version', 'begin', 1, [1, 3, '2']],
    ['a transaction', 'begin', 2, ['', 'abcd012', 'abcd01234', 'ABCD0123', '../../..']],
    ['an image', 'begin', 3, [[], ['image', '1'], ['/im\0age', '1'], ['x/image', '1'], ['/image', 1]]],
    ['what may be lost', 'begin', 5, [['all'], null]],
    [
      'attributes',
      'd',
      4,
      [null, [], [1, 1, -1, 0, 0, []], [1, 1, 1, 0, -1, []], [1, 1, 1, 0, 0, [['k']]], [1, 1, 1, 0, 0, ['k']]],
    ],
  ] as const)('%s is none (%s, field %i)', (_what, kind, at, wrong) => {
    // The last of a kind is the one that says most, but for placements.
    const of = plan.map(fieldsOf).filter((fields) => fields[0] === kind);
    const fields = kind === 'd' ? of.at(-1) : of[0];
    for (const value of wrong) refuses((fields ?? []).toSpliced(at, 1, value));
  });

  test('a directory that takes attributes has none to take, or to give back', () => {
    const [make, adopt] = plan.slice(6, 8).map(fieldsOf);
    refuses(make?.toSpliced(4, 1, null));
    refuses(adopt?.toSpliced(4, 1, null));
    refuses(adopt?.toSpliced(5, 1, null));
  });
});

function mayBeNull({ type }: JournalRecord, at: number): boolean {
  return (type === 'directory' && at === 1) || (type === 'placement' && at >= 3 && at <= 5);
}
