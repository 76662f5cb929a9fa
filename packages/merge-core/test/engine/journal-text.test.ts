import { crc32 } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { parseJournal } from '../../src/transaction/codec.ts';

const journalWith = (globs: readonly unknown[]): Buffer => {
  const plan = `${JSON.stringify(['begin', 2, 'abcdefgh', ['/image', '1:2'], false, [], globs])}\n`;
  return Buffer.from(`${plan}${crc32(plan).toString(16).padStart(8, '0')} ["planned"]\n`);
};

test('globs that no merge can have written are damage (J1)', () => {
  expect(parseJournal(journalWith(['%C3%A9*'])).records[0]).toMatchObject({ exclude: ['é*'] });
  for (const glob of ['%s', '%ff', '', '//', 7, null])
    expect(() => parseJournal(journalWith([glob]))).toThrow(expect.objectContaining({ code: 'JOURNAL_UNREADABLE' }));
});
