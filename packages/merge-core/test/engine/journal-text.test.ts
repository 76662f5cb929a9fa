import { crc32 } from 'node:zlib';
import { beforeCall } from '@emplace/fixtures/faults';
import { ascii, SyscallError } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { Journal, readJournal } from '../../src/transaction/journal.ts';
import { sealed } from '../../src/transaction/journal-lines.ts';
import { parseJournal } from '../../src/transaction/parse-journal.ts';
import { ROOT, world } from './world.ts';

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

test('a record of which the disk took a part is written over by the next, which is read (J2, J6)', () => {
  const disk = world([], []);
  const fs = beforeCall(disk, (name, _, [file, data, offset]) => {
    if (name !== 'write' || !String(data).includes('"placed"')) return;
    disk.write(file as never, (data as Buffer).subarray(0, 12), offset as number);
    throw new SyscallError('ENOSPC', 'write');
  });
  const state = fs.openRoot(ascii(ROOT));
  using journal = Journal.reopen(journalWith([]), state, true, fs);
  expect(() => journal.append({ type: 'placed' })).toThrow('ENOSPC');
  journal.append({ type: 'rollback' });
  expect(readJournal(state, fs)?.records.map(({ type }) => type)).toEqual(['begin', 'planned', 'rollback']);
});
