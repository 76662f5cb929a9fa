/**
 * CONTENTS, the list of what a package put into the root, byte for byte as Portage has it (docs/PORTAGE.md, G):
 *
 *     dir PATH
 *     obj PATH MD5 MTIME
 *     sym PATH -> TARGET MTIME
 *     fif PATH
 *     dev PATH
 *
 * Nothing is escaped; a path may have blanks anywhere. So a few entries cannot be written such that they are read
 * back: {@link whyNotCarried}.
 *
 * Not guaranteed: that Portage itself finds a path that is not UTF-8. It is written as it is, and read back here; Portage
 * reads the file as text and puts U+FFFD where it cannot.
 */

import type { Bytes } from '@emplace/syscalls';
import { type Line, type LineProblem, linesOf, report } from './lines.ts';

/** Paths are below the root, without a leading slash. `dev` stands for devices and sockets. */
export type ContentsEntry =
  | { readonly type: 'dir' | 'fif' | 'dev'; readonly path: Bytes }
  /** `md5` in lower-case hex; `mtime` in whole seconds. */
  | { readonly type: 'obj'; readonly path: Bytes; readonly md5: string; readonly mtime: number }
  | { readonly type: 'sym'; readonly path: Bytes; readonly target: Bytes; readonly mtime: number };

export interface Contents {
  /** In the order of the lines. Where a path comes twice, the later one counts (as in Portage). */
  readonly entries: readonly ContentsEntry[];
  /** What could not be read: while there is any, the entries are not all, and nobody may act on what is missing among them. */
  readonly problems: readonly LineProblem[];
}

const ARROW = ' -> ';
const MD5 = /^[0-9a-f]{32}$/i;
/** The stat tuple that Portage wrote for symlinks before 2004 or so; the ninth is the mtime. */
const OLD_MTIME = /^(.+) \((?:\d+L?, ){8}(\d+), \d+\)$/s;
/** What Portage would turn into another path when it reads it. */
const UNCLEAN = /(^|\/)(\.{0,2})(\/|$)/;
const LINES_AT_ONCE = 4096;

/** Lines that are unknown, torn or ambiguous become problems; it never throws. */
export function parseContents(content: Buffer): Contents {
  const entries: ContentsEntry[] = [];
  const problems: LineProblem[] = [];
  for (const line of linesOf(content)) {
    const entry = parseLine(line);
    if (typeof entry === 'string') report(problems, line, entry);
    else entries.push(entry);
  }
  return { entries, problems };
}

/** The entry, or what is wrong. */
function parseLine({ text, ended }: Line): ContentsEntry | string {
  if (!ended) return 'the file ends in the middle of a line';
  if (text.includes('\0')) return 'it holds a NUL byte';
  if (text.includes('\r')) return 'it holds a carriage return, which ends a line for Portage';
  const type = text.slice(0, 4);
  if (type === 'dir ' || type === 'fif ' || type === 'dev ')
    return withPath(text.slice(4), (path) => ({ type: type.trimEnd() as 'dir' | 'fif' | 'dev', path }));
  if (type === 'obj ') return parseObject(text.slice(4));
  if (type === 'sym ') return parseSymlink(text.slice(4));
  return 'it starts with no type that is known (dir, obj, sym, fif, dev)';
}

function parseObject(rest: string): ContentsEntry | string {
  const beforeMtime = rest.lastIndexOf(' ');
  const beforeMd5 = rest.lastIndexOf(' ', beforeMtime - 1);
  const mtime = secondsOf(rest.slice(beforeMtime + 1));
  const md5 = rest.slice(beforeMd5 + 1, beforeMtime);
  if (mtime === undefined) return 'it does not end with an mtime';
  if (beforeMd5 < 1 || !MD5.test(md5)) return 'it has no MD5 before the mtime';
  return withPath(rest.slice(0, beforeMd5), (path) => ({ type: 'obj', path, md5: md5.toLowerCase(), mtime }));
}

function parseSymlink(rest: string): ContentsEntry | string {
  const [, beforeTuple, old] = rest.endsWith(')') ? (OLD_MTIME.exec(rest) ?? []) : [];
  const beforeMtime = rest.lastIndexOf(' ');
  const mtime = secondsOf(old ?? rest.slice(beforeMtime + 1));
  if (mtime === undefined) return 'it does not end with an mtime';
  const link = beforeTuple ?? rest.slice(0, beforeMtime);
  // The last one: a name may hold an arrow, a target may not.
  const arrow = link.lastIndexOf(ARROW);
  const target = link.slice(arrow + ARROW.length);
  if (arrow < 1 || target === '') return 'it does not say where the symlink leads';
  return withPath(link.slice(0, arrow), (path) => ({ type: 'sym', path, target: target as Bytes, mtime }));
}

function secondsOf(digits: string): number | undefined {
  const seconds = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
  return Number.isSafeInteger(seconds) ? seconds : undefined;
}

/** Path as written → path below the root. What leads out of it, or is the root itself, was never written by anybody sane. */
function withPath(written: string, make: (path: Bytes) => ContentsEntry): ContentsEntry | string {
  if (!written.startsWith('/')) return 'its path does not start at the root';
  let path = written.slice(1);
  if (UNCLEAN.test(path)) {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) return 'its path holds `..`';
    if (parts.length === 0) return 'its path is the root';
    path = parts.join('/');
  }
  return make(path as Bytes);
}

/**
 * One line for each entry, in their order.
 * @throws Error for what {@link whyNotCarried} says: ask that first
 */
export function formatContents(entries: Iterable<ContentsEntry>): Buffer {
  const chunks: Buffer[] = [];
  let lines: string[] = [];
  const flush = () => {
    chunks.push(Buffer.from(lines.join(''), 'latin1'));
    lines = [];
  };
  for (const entry of entries) {
    const why = whyNotCarried(entry);
    if (why !== undefined) throw new Error(`bug: CONTENTS cannot carry ${JSON.stringify(entry.path)}: ${why}`);
    if (lines.push(formatLine(entry)) === LINES_AT_ONCE) flush();
  }
  flush();
  return Buffer.concat(chunks);
}

function formatLine(entry: ContentsEntry): string {
  switch (entry.type) {
    case 'obj':
      return `obj /${entry.path} ${entry.md5} ${entry.mtime}\n`;
    case 'sym':
      return `sym /${entry.path}${ARROW}${entry.target} ${entry.mtime}\n`;
    default:
      return `${entry.type} /${entry.path}\n`;
  }
}

/**
 * Why CONTENTS cannot carry an entry so that Portage reads it back, for a message after `PATH: `; undefined when it can.
 * An mtime before 1970 is one of the reasons: Portage writes it and then cannot read the line.
 */
export function whyNotCarried(entry: ContentsEntry): string | undefined {
  if (/[\n\r\0]/.test(entry.path)) return 'a name with a line break ends the line in CONTENTS';
  if (UNCLEAN.test(entry.path)) return 'its path is not clean';
  if (entry.type !== 'obj' && entry.type !== 'sym') return undefined;
  if (!Number.isSafeInteger(entry.mtime) || entry.mtime < 0) return 'CONTENTS has no times before 1970';
  if (entry.type === 'obj') return /^[0-9a-f]{32}$/.test(entry.md5) ? undefined : 'it has no MD5';
  if (/[\n\r\0]/.test(entry.target)) return 'a symlink target with a line break ends the line in CONTENTS';
  if (entry.target === '') return 'its target is empty';
  // A target may start so that an arrow overlaps: `-> x` makes ` -> -> x`.
  if ((ARROW + entry.target).lastIndexOf(ARROW) > 0) return 'a symlink target with ` -> ` is misread in CONTENTS';
  return undefined;
}
