/** Names that go, in a journal that somebody forged or the disk damaged. */
import { crc32 } from 'node:zlib';
import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { encode, planSeal } from '../../src/transaction/journal-lines.ts';
import { parseJournal } from '../../src/transaction/parse-journal.ts';
import type { JournalRecord } from '../../src/transaction/records.ts';
import { replay } from '../../src/transaction/replay.ts';

const begin: JournalRecord = {
  type: 'begin',
  version: 2,
  transaction: 'aaaaaaaa',
  image: undefined,
  keepImage: false,
  lossy: [],
  exclude: [],
};
const directory: JournalRecord = {
  type: 'directory',
  directory: { image: undefined, target: ascii('usr'), action: 'drop', oldMtime: { sec: 1, nsec: 2 } },
};

function removal(name: string, index = 0): JournalRecord {
  const old = { type: 'file', ino: 5n, mode: 0o644, empty: false } as const;
  return { type: 'removal', removal: { directory: index, name: ascii(name), old, undo: 'link' } };
}

/** A journal whose checksum is right. */
function journal(...records: readonly JournalRecord[]): Buffer {
  const plan = Buffer.from(records.map((record) => `${encode(record)}\n`).join(''), 'latin1');
  return Buffer.concat([plan, planSeal(crc32(plan))]);
}

test('what is written is read back: removals, masked paths, directories that go', () => {
  const masked: JournalRecord = { type: 'masked', path: ascii('usr/share/doc') };
  const records = [begin, masked, directory, removal('old name')];
  const { records: read } = parseJournal(journal(...records));
  expect(read).toEqual([...records, { type: 'planned' }]);
  const { phase, plan } = replay(read);
  expect([phase, plan.image, [...plan.masked], plan.removals.length]).toEqual([
    'staging',
    undefined,
    ['usr/share/doc'],
    1,
  ]);
});

test('a removal in a directory that is not in the plan, or of what is no name, is damage (J1, J9)', () => {
  for (const wrong of [removal('x', 1), removal('../x'), removal('a/b'), removal('..'), removal('')])
    expect(() => parseJournal(journal(begin, directory, wrong))).toThrow(
      expect.objectContaining({ code: 'JOURNAL_UNREADABLE' }),
    );
});
