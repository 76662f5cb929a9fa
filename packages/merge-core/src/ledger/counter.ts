import { ascii, type Bytes } from '@emplace/syscalls';
import { type Problem, quoted, refuse } from '../errors.ts';
import { join, splitPath } from '../paths.ts';
import { damaged, readBelow } from './read-below.ts';
import type { Vdb } from './vdb.ts';

const COUNTER: Bytes = ascii('COUNTER');

/** Decimal digits, nothing else. */
const BYTES_MAX = 64;

/** What stands in a COUNTER file, blanks around it aside; undefined when that is no number that can be counted on from. */
export function parseCounter(text: string): number | undefined {
  const digits = text.trim();
  const value = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
  // The last one has no successor: doubles above it skip numbers.
  return Number.isSafeInteger(value) && value < Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** As Portage writes it: without a newline. */
export function formatCounter(counter: number): Buffer {
  return Buffer.from(String(counter));
}

/**
 * The COUNTER for the next package: one more than the last that was given out and than all that are in use (G.7). It is
 * taken while the database is locked, and the file of the last one is written in the merge's transaction.
 * @param path of that file below the root, `var/cache/edb/counter`; without it those in use decide
 * @throws MergeError VDB_DAMAGED when it, or the COUNTER of any package, is no number
 */
export function nextCounter(vdb: Vdb, path: Bytes): number {
  const problems: Problem[] = [];
  let last = -1;
  const count = (found: number | Problem): void => {
    if (typeof found === 'number') last = Math.max(last, found);
    else problems.push(found);
  };
  count(lastCounter(vdb, path));
  // Of half written entries too: theirs may be the highest.
  for (const entry of vdb.directories()) {
    const text = vdb.field(entry, 'COUNTER');
    const at = join(entry.directory, COUNTER);
    if (text !== undefined) count(parseCounter(text) ?? damaged(at, `${quoted(at)} holds no number`));
  }
  if (problems.length > 0) throw refuse(problems);
  return last + 1;
}

function lastCounter(vdb: Vdb, path: Bytes): number | Problem {
  const { parent, name } = splitPath(path);
  const directory = vdb.real.of(parent);
  if (directory === undefined) return -1;
  if ('code' in directory) return directory;
  const at = join(directory.path, name);
  const content = readBelow(vdb.fs, vdb.root, at, BYTES_MAX);
  if (content === undefined) return -1;
  if ('code' in content) return content;
  return parseCounter(content.toString('latin1')) ?? damaged(at, `${quoted(at)} holds no number`);
}
