import { crc32 } from 'node:zlib';
import type { Xattrs } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { MergeError } from '../errors.ts';
import { losable } from '../plan/carry.ts';
import type { Attributes, OldEntry, Placement, PlannedDirectory, Removal, UndoKind } from '../plan/model.ts';
import { Fields } from './fields.ts';
import { checksum, hex } from './journal-lines.ts';
import type { JournalRecord, StagedFact } from './records.ts';

/**
 * All records of a journal, and how many of its bytes they take. A torn last line is a record that was never
 * written: it is left out. Anything else that is wrong is damage.
 *
 * @throws MergeError JOURNAL_UNREADABLE with the line's number.
 */
export function parseJournal(content: Buffer): { records: JournalRecord[]; length: number } {
  const records: JournalRecord[] = [];
  let planned = false;
  let start = 0;
  for (let number = 1; start < content.length; number++) {
    const newline = content.indexOf(10, start);
    const line = content.subarray(start, newline === -1 ? content.length : newline);
    if (planned) {
      const record = newline === -1 ? undefined : unseal(line);
      // Appended and not yet durable: what follows was never promised either (J2).
      if (record === undefined) break;
      records.push(record);
    } else if (/^[0-9a-f]{8} \["planned"\]$/.test(line.toString('latin1'))) {
      if (line.toString('latin1', 0, 8) !== hex(crc32(content.subarray(0, start))))
        throw damaged(number, 'the checksum of the plan does not match');
      records.push({ type: 'planned' });
      planned = true;
    } else {
      records.push(decode(line.toString('latin1'), number));
    }
    start += line.length + 1;
  }
  if (!planned) throw damaged(records.length + 1, 'the plan does not end');
  if (records[0]?.type !== 'begin') throw damaged(1, 'it does not begin with `begin`');
  checkReferences(records);
  return { records, length: Math.min(start, content.length) };
}

function unseal(line: Buffer): JournalRecord | undefined {
  const body = line.subarray(9);
  return line.toString('latin1', 0, 9) === `${checksum(body)} ` ? decode(body.toString('latin1'), 0) : undefined;
}

function damaged(line: number, why: string): MergeError {
  return new MergeError('JOURNAL_UNREADABLE', `the journal cannot be read: line ${line}: ${why}`);
}

function checkReferences(records: readonly JournalRecord[]): void {
  const directories = records.filter((record) => record.type === 'directory').length;
  records.forEach((record, at) => {
    const directory = directoryNamedIn(record);
    if (directory >= Math.max(directories, 1)) throw damaged(at + 1, 'it names a directory that is not in the plan');
  });
}

function directoryNamedIn(record: JournalRecord): number {
  switch (record.type) {
    case 'placement':
      return record.placement.directory;
    case 'identical':
      return record.identical.directory;
    case 'removal':
      return record.removal.directory;
    default:
      return 0;
  }
}

/** Undefined for what no merge wrote: a glob is encoded, and is not empty. */
function decodeGlob(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.replaceAll('/', '') === '') return undefined;
  try {
    return decodeURI(value);
  } catch {
    return undefined;
  }
}

function decode(line: string, number: number): JournalRecord {
  const fail = (why: string): never => {
    throw damaged(number, why);
  };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return fail('not JSON');
  }
  if (!Array.isArray(value)) return fail('not a record');
  const fields = new Fields(value, fail);
  const kind = fields.oneOf('begin', 'd', 'p', 'i', 'r', 'x', 'l', 's', 'commit', 'placed', 'rollback');
  switch (kind) {
    case 'begin':
      return {
        type: 'begin',
        version: fields.literal(2),
        transaction: fields.matching(/^[a-z0-9]{8}$/),
        image: fields.nullable((image) => ({ path: image.absolutePath(), id: image.string() })),
        keepImage: fields.boolean(),
        lossy: fields.list((item) => losable.find((one) => one === item) ?? fail('a loss is unknown')),
        exclude: fields.list((item) => decodeGlob(item) ?? fail('a glob is missing')),
      };
    case 'd': {
      const image = fields.pathOrNull();
      const target = fields.path();
      const action = fields.oneOf('keep', 'adopt', 'make', 'drop');
      const attributes = fields.nullable(decodeAttributes);
      const old = fields.nullable(decodeAttributes);
      const oldMtime = fields.nullable((time) => time.time());
      if (((action === 'make' || action === 'adopt') && !attributes) || (action === 'adopt' && !old))
        fail('attributes are missing');
      const directory: PlannedDirectory = {
        image,
        target,
        action,
        ...(attributes && { attributes }),
        ...(old && { old }),
        ...(oldMtime && { oldMtime }),
      };
      return { type: 'directory', directory };
    }
    case 'p':
      return { type: 'placement', placement: decodePlacement(fields) };
    case 'i':
      return {
        type: 'identical',
        identical: {
          directory: fields.count(),
          name: fields.name(),
          ino: fields.bigint(),
          mtime: fields.time(),
          oldMtime: fields.time(),
        },
      };
    case 'r':
      return {
        type: 'removal',
        removal: {
          directory: fields.count(),
          name: fields.name(),
          old: fields.nullable(decodeOld) ?? fail('an old entry is missing'),
          undo: fields.oneOf(...keeps),
        },
      };
    case 'x':
      return { type: 'masked', path: fields.path() };
    case 'l':
      return { type: 'lock', path: fields.path() };
    case 's': {
      const image = fields.nullable((site) => ({ path: site.path(), mtime: site.time() }));
      return { type: 'site', image, target: fields.path() };
    }
    case 'commit': {
      const staged = fields.lists(
        (fact): StagedFact => ({
          index: fact.count(),
          ino: fact.bigint(),
          staging: fact.oneOf(...stagings),
          undo: fact.oneOf(...undoKinds),
        }),
      );
      const kept = fields.list((item) => keeps.find((one) => one === item) ?? fail('a way to keep is unknown'));
      return { type: 'commit', staged, kept };
    }
    case 'placed':
    case 'rollback':
      return { type: kind };
    default:
      return kind satisfies never;
  }
}

const entryTypes = ['directory', 'file', 'symlink', 'fifo', 'char', 'block', 'socket'] as const;
const stagings = ['in-image', 'moved', 'made'] as const;
const undoKinds = ['none', 'link', 'exchange', 'reflink', 'copy'] as const satisfies readonly UndoKind[];

const keeps = ['none', 'link', 'move', 'reflink', 'copy'] as const satisfies readonly Removal['undo'][];

function decodePlacement(fields: Fields): Placement {
  const head = {
    directory: fields.count(),
    name: fields.name(),
    as: fields.nameOrNull(),
    oldAs: fields.nameOrNull(),
    stagedAs: fields.nameOrNull(),
    type: fields.oneOf(...entryTypes),
    action: fields.oneOf('create', 'replace', 'graft', 'swap', 'overwrite'),
    ino: fields.bigint(),
    size: fields.count(),
    entries: fields.count(),
  };
  const old = fields.nullable(decodeOld);
  const tail = { rung: fields.string(), staging: fields.oneOf(...stagings), undo: fields.oneOf(...undoKinds) };
  const { as, oldAs, stagedAs, ...always } = head;
  return {
    ...always,
    ...(as && { as }),
    ...(oldAs && { oldAs }),
    ...(stagedAs && { stagedAs }),
    ...(old && { old }),
    ...tail,
    placedIno: head.ino,
  };
}

function decodeOld(from: Fields): OldEntry {
  const old = { type: from.oneOf(...entryTypes), ino: from.bigint(), mode: from.count(), empty: from.boolean() };
  const born = from.nullable((time) => time.time());
  return { ...old, ...(born && { born }) };
}

function decodeAttributes(fields: Fields): Attributes {
  const head = { uid: fields.count(), gid: fields.count(), mode: fields.count(), mtime: fields.time() };
  const pairs = fields.lists((pair): [Bytes, Buffer] => [ascii(pair.string()), Buffer.from(pair.string(), 'base64')]);
  return { ...head, xattrs: new Map(pairs) satisfies Xattrs };
}
