/**
 * What Emplace knows of a package's entries beyond CONTENTS: the file `EMPLACE` in its database entry. JSON, one
 * value a line, bytes above ASCII as they are (so it is UTF-8 exactly where all names are):
 *
 *     {"emplace":"record","version":1}
 *     {"path":"usr/bin/x","type":"file","mode":493,"uid":0,"gid":0,"mtime":[SECONDS,NANOSECONDS],"size":7,"digests":{"md5":"…"}}
 *     {"end":1,"crc32":"…"}
 *
 * A reader passes over keys that it does not know; whoever changes the meaning of one raises the version. The last line
 * counts the entries and sums up all bytes before it: a torn or edited record is damaged, not short.
 */

import { crc32 } from 'node:zlib';
import type { EntryType, Timestamp, Xattrs } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { type DigestName, type Digests, digestData, digestLengths, digestNames } from './digests.ts';
import { linesOf } from './lines.ts';

export const RECORD: Bytes = ascii('EMPLACE');

/** Attributes as they were when the merge was done. Plain values: they go to a worker as they are. */
interface RecordedAttributes {
  /** Below the root, clean. */
  readonly path: Bytes;
  /** 07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  /** Each value as {@link recordXattrs} says; absent when there are none. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

export type RecordedEntry = RecordedAttributes &
  (
    | { readonly type: 'file'; readonly size: number; readonly digests: Digests }
    | { readonly type: 'symlink'; readonly target: Bytes }
    | { readonly type: 'char' | 'block'; readonly rdev: number }
    | { readonly type: 'directory' | 'fifo' | 'socket' }
  );

const VERSION = 1;
const HEAD = { emplace: 'record', version: VERSION } as const;
const LINES_AT_ONCE = 4096;
/** A path, a target and the xattrs of one entry fit many times over; what is longer nobody wrote. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
/** Longer values are recorded by their SHA-256. */
const XATTR_BYTES_MAX = 256;

/** Extended attributes for a record: `base64:…` of a short value, `sha256:…` of a long one. */
export function recordXattrs(xattrs: Xattrs): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...xattrs].map(([key, value]): [string, string] => [key, recordXattr(value)]).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function recordXattr(value: Buffer): string {
  if (value.length <= XATTR_BYTES_MAX) return `base64:${value.toString('base64')}`;
  return `sha256:${digestData(['sha256'], value).sha256}`;
}

/** The whole record, in the order of the entries. */
export function formatRecord(entries: Iterable<RecordedEntry>): Buffer {
  const chunks: Buffer[] = [];
  let lines = [JSON.stringify(HEAD)];
  let [count, crc] = [0, 0];
  const flush = (): void => {
    const chunk = Buffer.from(`${lines.join('\n')}\n`, 'latin1');
    crc = crc32(chunk, crc);
    chunks.push(chunk);
    lines = [];
  };
  for (const entry of entries) {
    count++;
    if (lines.push(formatEntry(entry)) === LINES_AT_ONCE) flush();
  }
  if (lines.length > 0) flush();
  chunks.push(Buffer.from(`${JSON.stringify({ end: count, crc32: hex(crc) })}\n`));
  return Buffer.concat(chunks);
}

function formatEntry(entry: RecordedEntry): string {
  const { path, type, mode, uid, gid, mtime, xattrs } = entry;
  const head = { path, type, mode, uid, gid, mtime: [mtime.sec, mtime.nsec] };
  return JSON.stringify({ ...head, ...ownPart(entry), ...(xattrs && Object.keys(xattrs).length > 0 && { xattrs }) });
}

function ownPart(entry: RecordedEntry): object {
  switch (entry.type) {
    case 'file':
      return { size: entry.size, digests: entry.digests };
    case 'symlink':
      return { target: entry.target };
    case 'char':
    case 'block':
      return { rdev: entry.rdev };
    case 'directory':
    case 'fifo':
    case 'socket':
      return {};
    default:
      return entry satisfies never;
  }
}

/**
 * All entries of a record.
 * @param where the file, for the message
 * @throws MergeError RECORD_UNREADABLE with the line's number, when it is damaged or of a later version
 */
export function parseRecord(content: Buffer, where: Bytes): RecordedEntry[] {
  const entries: RecordedEntry[] = [];
  let [start, ended] = [0, false];
  for (const { number, text } of linesOf(content)) {
    const fail = (why: string): never => {
      throw new MergeError('RECORD_UNREADABLE', `${quoted(where)}, line ${number}: ${why}`);
    };
    if (ended) fail('something follows the end');
    const values = parseLine(text, fail);
    if (number === 1) checkHead(values, fail);
    else if ('end' in values) {
      if (values.end !== entries.length) fail(`there are ${entries.length} entries, not as many as it says`);
      if (values.crc32 !== hex(crc32(content.subarray(0, start)))) fail('the checksum does not match');
      ended = true;
    } else entries.push(parseEntry(values, fail));
    start += text.length + 1;
  }
  if (!ended) throw new MergeError('RECORD_UNREADABLE', `${quoted(where)} is torn: its last line is missing`);
  return entries;
}

type Values = Readonly<Record<string, unknown>>;
type Fail = (why: string) => never;

function parseLine(text: Bytes, fail: Fail): Values {
  if (text.length > LINE_BYTES_MAX) return fail('it is too long');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('it is no JSON');
  }
  return isObject(value) ? value : fail('it is no object');
}

function checkHead({ emplace, version }: Values, fail: Fail): void {
  if (emplace !== HEAD.emplace) fail('it is no record of Emplace');
  if (version !== VERSION) fail(`version ${JSON.stringify(version)} is not ${VERSION}`);
}

function parseEntry(values: Values, fail: Fail): RecordedEntry {
  const count = (key: string, max = Number.MAX_SAFE_INTEGER): number => {
    const value = values[key];
    return isInteger(value) && value >= 0 && value <= max ? value : fail(`\`${key}\` is no number that it can be`);
  };
  const { path, type, mtime, xattrs } = values;
  if (!isPath(path)) return fail('`path` is no path below the root');
  if (!Array.isArray(mtime) || !isInteger(mtime[0]) || !isInteger(mtime[1])) return fail('`mtime` is no time');
  const attributes: RecordedAttributes = {
    path,
    mode: count('mode', 0o7777),
    uid: count('uid'),
    gid: count('gid'),
    mtime: { sec: mtime[0], nsec: mtime[1] },
    ...(xattrs !== undefined && { xattrs: strings(xattrs) ?? fail('`xattrs` are none') }),
  };
  switch (type as EntryType) {
    case 'file':
      return { ...attributes, type: 'file', size: count('size'), digests: parseDigests(values.digests, fail) };
    case 'symlink': {
      const { target } = values;
      if (typeof target !== 'string' || target === '') return fail('`target` is missing');
      return { ...attributes, type: 'symlink', target: target as Bytes };
    }
    case 'char':
    case 'block':
      return { ...attributes, type: type as 'char', rdev: count('rdev') };
    case 'directory':
    case 'fifo':
    case 'socket':
      return { ...attributes, type: type as 'fifo' };
    default:
      return fail('`type` is unknown');
  }
}

/** Algorithms of a later Emplace are passed over. */
function parseDigests(value: unknown, fail: Fail): Digests {
  const given = strings(value) ?? fail('`digests` are none');
  const known = digestNames.filter((name) => Object.hasOwn(given, name));
  return Object.fromEntries(
    known.map((name): [DigestName, string] => {
      const digest = given[name] ?? '';
      return /^[0-9a-f]*$/.test(digest) && digest.length === digestLengths[name]
        ? [name, digest]
        : fail(`\`${name}\` is no digest`);
    }),
  );
}

function strings(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isObject(value) || !Object.values(value).every((one) => typeof one === 'string')) return undefined;
  return value as Readonly<Record<string, string>>;
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isPath(value: unknown): value is Bytes {
  if (typeof value !== 'string' || value.includes('\0')) return false;
  return value.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
