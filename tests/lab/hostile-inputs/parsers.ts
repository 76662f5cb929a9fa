/** Every parser of bytes that somebody else may have written, with samples of what it reads. */

import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { MergeError, readRequest } from '@emplace/merge-core';
import { ascii, type Bytes, isErrno, toBytes } from '@emplace/syscalls';
import { parseMountinfo } from '../../../packages/fsprobe/src/mounts/mountinfo.ts';
import { parseMaps } from '../../../packages/fsprobe/src/processes/mappings.ts';
import { parseCgroups } from '../../../packages/fsprobe/src/stale/service/cgroup.ts';
import { DefinitionError, parseDefinition } from '../../../packages/merge-core/src/hooks/definition.ts';
import { GLOB_BYTES_MAX, globMatcher } from '../../../packages/merge-core/src/hooks/glob.ts';
import { splitWords } from '../../../packages/merge-core/src/hooks/words.ts';
import { parseConfigMemory } from '../../../packages/merge-core/src/ledger/config-memory.ts';
import { parseContents } from '../../../packages/merge-core/src/ledger/contents.ts';
import { parseNeeded } from '../../../packages/merge-core/src/ledger/libraries/needed.ts';
import { decode } from '../../../packages/merge-core/src/ledger/owners/format.ts';
import { tryPackageName } from '../../../packages/merge-core/src/ledger/package-name.ts';
import { parseRegistry } from '../../../packages/merge-core/src/ledger/preserved-registry.ts';
import { pythonGlob } from '../../../packages/merge-core/src/ledger/python-glob.ts';
import { parseRecord } from '../../../packages/merge-core/src/ledger/record.ts';
import { parseAssignments } from '../../../packages/merge-core/src/ledger/shell-assignments.ts';
import { parseMessage } from '../../../packages/merge-core/src/supervise/protocol.ts';
import { parseJournal } from '../../../packages/merge-core/src/transaction/parse-journal.ts';
import { replay } from '../../../packages/merge-core/src/transaction/replay.ts';
import * as samples from './samples.ts';

export interface Parser {
  readonly samples: () => readonly Buffer[];
  readonly parse: (input: Buffer) => unknown;
  /** Makes the checksums of what was changed right again: else nothing behind them would ever be reached. */
  readonly repair?: (input: Buffer) => Buffer;
}

const text = (input: Buffer): string => input.toString('utf8');
const AT: Bytes = ascii('file');
/** For globs: a name that nobody would like to look for every start of a pattern in. */
const LONG_NAME = `${'a'.repeat(200)}b`;

export const parsers: Readonly<Record<string, Parser>> = {
  mountinfo: { samples: samples.mountinfos, parse: parseMountinfo },
  maps: { samples: () => [readFileSync('/proc/self/maps')], parse: (input) => parseMaps(toBytes(input)) },
  cgroup: { samples: samples.cgroups, parse: (input) => parseCgroups(toBytes(input)) },
  journal: {
    samples: samples.journals,
    parse: (input) => replay(parseJournal(input).records),
    repair: repairedJournal,
  },
  CONTENTS: { samples: samples.contents, parse: parseContents },
  'record of a package': { samples: samples.records, parse: (input) => parseRecord(input, AT), repair: repairedRecord },
  'index of owners': { samples: samples.ownerIndexes, parse: (input) => decode(Buffer.from(input)) },
  'config memory': { samples: samples.configMemories, parse: parseConfigMemory },
  'registry of preserved libraries': { samples: samples.registries, parse: (input) => parseRegistry(input, AT) },
  'NEEDED.ELF.2': { samples: samples.needed, parse: parseNeeded },
  'make.conf': { samples: samples.makeConfs, parse: (input) => parseAssignments(toBytes(input)) },
  'request document': { samples: samples.requests, parse: readRequest },
  'hook definition': { samples: samples.hookDefinitions, parse: (input) => parseDefinition(toBytes(input), AT) },
  'words of a command': { samples: samples.commands, parse: (input) => splitWords(toBytes(input)) },
  'glob of a hook': {
    samples: samples.globs,
    parse: (input) => globMatcher(toBytes(input.subarray(0, GLOB_BYTES_MAX)))(LONG_NAME as Bytes),
  },
  'glob of Portage': { samples: samples.globs, parse: (input) => pythonGlob(toBytes(input))(LONG_NAME) },
  'name of a package': { samples: samples.packageNames, parse: (input) => tryPackageName(text(input)) },
  'message of a mover': { samples: samples.moverMessages, parse: (input) => parseMessage(text(input)) },
};

/** Parsers with a defect each: what does not find these finds nothing. */
export const controls: Readonly<Record<string, Parser>> = {
  'throws what it happens to throw': {
    samples: samples.requests,
    parse: (input) => input.length > 500 && (JSON.parse('{}') as { a: { b: number } }).a.b,
  },
  'never ends': { samples: samples.globs, parse: (input) => input.length > 60 && /^(?:a|a)*$/.test(LONG_NAME) },
  'takes all memory': {
    samples: samples.globs,
    parse: (input) => input.length > 60 && Array.from({ length: 2 ** 31 }, (_, i) => `${i}${input.length}`),
  },
};

/** What a parser may throw. */
export function isTyped(error: unknown): boolean {
  return error instanceof MergeError || error instanceof DefinitionError || isErrno(error);
}

function repairedJournal(input: Buffer): Buffer {
  const lines: Buffer[] = [];
  let crc = 0;
  let planned = false;
  for (const line of input.toString('latin1').split('\n').slice(0, -1)) {
    const [, body = line] = /^[0-9a-f]{8} (.*)$/s.exec(line) ?? [];
    const isSeal: boolean = body === '["planned"]' && !planned;
    const bytes = Buffer.from(body, 'latin1');
    const sum = hex(isSeal ? crc : crc32(bytes));
    const whole = Buffer.from(planned || isSeal ? `${sum} ${body}\n` : `${line}\n`, 'latin1');
    planned ||= isSeal;
    crc = crc32(whole, crc);
    lines.push(whole);
  }
  return Buffer.concat(lines);
}

function repairedRecord(input: Buffer): Buffer {
  const lines = input.toString('latin1').split('\n').slice(0, -1);
  const body = Buffer.from(
    lines
      .slice(0, -1)
      .map((line) => `${line}\n`)
      .join(''),
    'latin1',
  );
  const end = JSON.stringify({ end: Math.max(lines.length - 2, 0), crc32: hex(crc32(body)) });
  return Buffer.concat([body, Buffer.from(`${end}\n`)]);
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
