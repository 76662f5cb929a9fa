import { crc32 } from 'node:zlib';
import type { Timestamp } from '@emplace/fsprobe';
import type { Attributes, OldEntry } from '../plan/model.ts';
import type { JournalRecord } from './records.ts';

/*
 * A journal is lines of JSON, one array each, written as latin1 so that names stay the bytes they are. The plan is
 * covered by one checksum in its `planned` line; each later line carries its own in front, for it may be torn.
 */

/** Characters of a long line that are encoded at once. */
const PIECE = 1 << 18;

/** One record as its line, without the newline. */
export function encode(record: JournalRecord): string {
  switch (record.type) {
    case 'begin': {
      const { version, transaction, image, keepImage, lossy, exclude } = record;
      return JSON.stringify([
        'begin',
        version,
        transaction,
        image === undefined ? null : [image.path, image.id],
        keepImage,
        lossy,
        exclude.map((glob) => encodeURI(glob)),
      ]);
    }
    case 'directory': {
      const { image, target, action, attributes, old, oldMtime } = record.directory;
      return JSON.stringify([
        'd',
        image ?? null,
        target,
        action,
        encodeAttributes(attributes),
        encodeAttributes(old),
        encodeTime(oldMtime),
      ]);
    }
    case 'placement': {
      const { directory, name, as, oldAs, stagedAs, type, action, ino, size, entries, old, rung, staging, undo } =
        record.placement;
      return JSON.stringify([
        'p',
        directory,
        name,
        as ?? null,
        oldAs ?? null,
        stagedAs ?? null,
        type,
        action,
        `${ino}`,
        size,
        entries,
        encodeOld(old),
        rung,
        staging,
        undo,
      ]);
    }
    case 'identical': {
      const { directory, name, ino, mtime, oldMtime } = record.identical;
      return JSON.stringify(['i', directory, name, `${ino}`, mtime.sec, mtime.nsec, oldMtime.sec, oldMtime.nsec]);
    }
    case 'removal': {
      const { directory, name, old, undo } = record.removal;
      return JSON.stringify(['r', directory, name, encodeOld(old), undo]);
    }
    case 'masked':
      return JSON.stringify(['x', record.path]);
    case 'lock':
      return JSON.stringify(['l', record.path]);
    case 'site': {
      const { image, target } = record;
      return JSON.stringify(['s', image === undefined ? null : [image.path, ...encodeTime(image.mtime)], target]);
    }
    case 'commit':
      return Buffer.concat(encodeCommit(record)).toString('latin1');
    case 'planned':
    case 'placed':
    case 'rollback':
      return JSON.stringify([record.type]);
    default:
      return record satisfies never;
  }
}

/** A line after the plan: checksum, record, newline. In one piece, unless it is very long. */
export function sealed(record: JournalRecord): Buffer[] {
  const line = record.type === 'commit' ? encodeCommit(record) : [Buffer.from(encode(record), 'latin1')];
  const crc = line.reduce((sum, piece) => crc32(piece, sum), 0);
  const pieces = [Buffer.from(`${hex(crc)} `, 'latin1'), ...line, Buffer.from('\n')];
  return line.length === 1 ? [Buffer.concat(pieces)] : pieces;
}

/** Of a million copies the line has 30 MB: as one array and one string it would take ten times that. */
function encodeCommit({ staged, kept }: Extract<JournalRecord, { type: 'commit' }>): Buffer[] {
  const pieces: Buffer[] = [];
  let piece = '["commit",[';
  let between = '';
  for (const { index, ino, staging, undo } of staged) {
    piece += `${between}[${index},"${ino}","${staging}","${undo}"]`;
    between = ',';
    if (piece.length < PIECE) continue;
    pieces.push(Buffer.from(piece, 'latin1'));
    piece = '';
  }
  pieces.push(Buffer.from(`${piece}],${JSON.stringify(kept)}]`, 'latin1'));
  return pieces;
}

/** The line that closes a plan whose lines have this running checksum. */
export function planSeal(crc: number): Buffer {
  return Buffer.from(`${hex(crc)} ["planned"]\n`, 'latin1');
}

export function checksum(line: Buffer): string {
  return hex(crc32(line));
}

export function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

function encodeOld(old: OldEntry | undefined): unknown {
  return old === undefined ? null : [old.type, `${old.ino}`, old.mode, old.empty, encodeTime(old.born)];
}

function encodeTime(time: Timestamp): [number, number];
function encodeTime(time: Timestamp | undefined): [number, number] | null;
function encodeTime(time: Timestamp | undefined): [number, number] | null {
  return time === undefined ? null : [time.sec, time.nsec];
}

function encodeAttributes(attributes: Attributes | undefined): unknown {
  if (attributes === undefined) return null;
  const { uid, gid, mode, mtime, xattrs } = attributes;
  return [uid, gid, mode, mtime.sec, mtime.nsec, [...xattrs].map(([key, value]) => [key, value.toString('base64')])];
}
