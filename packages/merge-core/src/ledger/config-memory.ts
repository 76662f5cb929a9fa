/**
 * Config memory (`var/lib/portage/config`): which update of a protected file was offered last, one `PATH MD5` a line
 * (docs/PORTAGE.md, F.6). Portage splits a line at its blanks and so never finds a path that has any; here the last blank
 * is what splits, which reads every line that Portage can read, and every path.
 */

import type { Bytes } from '@emplace/syscalls';
import { type LineProblem, linesOf, report } from './lines.ts';

/** Path below the root without a leading slash → MD5 in lower-case hex of what was offered: a file's content, a symlink's target. */
export type ConfigMemory = Map<Bytes, string>;

const ENTRY = /^\/(.+) ([0-9a-f]{32})\s*$/is;

/** Blank lines and comments are passed over; anything else that is no entry becomes a problem. */
export function parseConfigMemory(content: Buffer): { memory: ConfigMemory; problems: readonly LineProblem[] } {
  const memory: ConfigMemory = new Map();
  const problems: LineProblem[] = [];
  for (const line of linesOf(content)) {
    const [, path, md5] = ENTRY.exec(line.text) ?? [];
    // The last line may lack its newline: people edit this file, and an MD5 has its length.
    if (path !== undefined && md5 !== undefined && !path.includes('\0')) memory.set(path as Bytes, md5.toLowerCase());
    else if (!/^\s*(#|$)/.test(line.text)) report(problems, line, 'it is not PATH MD5');
  }
  return { memory, problems };
}

/**
 * In the map's order, one line each. A path with a line break cannot be written and is left out: its update is merely
 * offered once more.
 */
export function formatConfigMemory(memory: ReadonlyMap<Bytes, string>): Buffer {
  const lines: string[] = [];
  for (const [path, md5] of memory) if (!/[\n\r\0]/.test(path)) lines.push(`/${path} ${md5}\n`);
  return Buffer.from(lines.join(''), 'latin1');
}
