import { crc32 } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { parseJournal, sealed } from '../../src/transaction/codec.ts';

const journalWith = (globs: readonly unknown[]): Buffer => {
  const plan = `${JSON.stringify(['begin', 2, 'abcdefgh', ['/image', '1:2'], false, [], globs])}\n`;
  return Buffer.from(`${plan}${crc32(plan).toString(16).padStart(8, '0')} ["planned"]\n`);
};

test('globs that no merge can have written are damage (J1)', () => {
  expect(parseJournal(journalWith(['%C3%A9*'])).records[0]).toMatchObject({ exclude: ['é*'] });
  for (const glob of ['%s', '%ff', '', '//', 7, null])
    expect(() => parseJournal(journalWith([glob]))).toThrow(expect.objectContaining({ code: 'JOURNAL_UNREADABLE' }));
});

test('a commit record that is written in many pieces is one line, and of no use while one of them is missing (J2, J3)', () => {
  const staged = Array.from({ length: 30_000 }, (_, index) => ({
    ...{ index, ino: 2n ** 64n - 1n - BigInt(index) },
    ...{ staging: 'made' as const, undo: 'exchange' as const },
  }));
  const record = { type: 'commit', staged, kept: ['move'] } as const;
  const pieces = [journalWith([]), ...sealed(record)];
  expect(pieces.length).toBeGreaterThan(5);
  expect(parseJournal(Buffer.concat(pieces)).records.at(-1)).toEqual(record);
  for (let count = 1; count < pieces.length; count++)
    expect(parseJournal(Buffer.concat(pieces.slice(0, count))).records.at(-1)).toEqual({ type: 'planned' });
});
