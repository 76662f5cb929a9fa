import type { Timestamp } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { HERE, splitPath } from '../paths.ts';
import { type ContentsEntry, formatContents } from './contents.ts';
import { formatCounter } from './counter.ts';
import type { ImageEntry } from './image-list.ts';
import { KEPT, type KeptLibraries } from './kept-libraries.ts';
import type { ImageContent } from './read-entry.ts';
import type { ImageContents } from './read-image.ts';
import type { LedgerFacts } from './read-ledger.ts';
import { isProblem } from './real-paths.ts';
import { formatRecord, RECORD, type RecordedEntry } from './record.ts';
import { CONTENTS } from './vdb.ts';

/** Entries of CONTENTS for what the image brings. `md5` of a file is asked for. @param time of what was copied, if it was */
export function contentsOf(
  { path, stat, target }: ImageEntry,
  md5: () => string,
  time: Timestamp = stat.mtime,
): ContentsEntry {
  const mtime = time.sec;
  switch (stat.type) {
    case 'directory':
      return { type: 'dir', path };
    case 'file':
      return { type: 'obj', path, md5: md5(), mtime };
    case 'symlink':
      return { type: 'sym', path, target: target ?? HERE, mtime };
    case 'fifo':
      return { type: 'fif', path };
    default:
      return { type: 'dev', path };
  }
}

/** What a package has in the root, as CONTENTS lists it. `more`: what it takes over from an older version. */
export function contentsFile(
  entries: readonly ImageEntry[],
  contents: ImageContents,
  more: readonly ContentsEntry[] = [],
): Buffer {
  const own = entries.map((entry) => {
    const { digests, mtime } = contentOf(entry, contents);
    return contentsOf(entry, () => digests?.md5 ?? '', mtime);
  });
  const all = more.length === 0 ? own : [...own, ...more].sort((a, b) => (a.path < b.path ? -1 : 1));
  return formatContents(all);
}

/** The files of a database entry (G.1): the build info, and what only the merge knows. */
export function entryFiles(
  facts: LedgerFacts,
  entries: readonly ImageEntry[],
  contents: ImageContents,
  kept: KeptLibraries,
): ReadonlyMap<Bytes, Buffer> {
  const { name, slot, counter, buildInfo } = facts;
  const files = new Map(buildInfo);
  const set = (file: string, text: string): void => void files.set(ascii(file), Buffer.from(`${text}\n`));
  if (name !== undefined) {
    set('CATEGORY', name.category);
    set('PF', name.pf);
  }
  if (slot !== undefined) set('SLOT', slot);
  files.set(ascii('COUNTER'), formatCounter(counter));
  const own = new Set(entries.map(({ path }) => path));
  const more = [...kept.entries.values()].filter(({ path }) => !own.has(path));
  files.set(CONTENTS, contentsFile(entries, contents, more));
  if (kept.lines.length > 0) files.set(KEPT, Buffer.from(kept.lines.map((line) => `${line}\n`).join(''), 'latin1'));
  files.set(RECORD, formatRecord(entries.map((entry) => recorded(entry, facts, contents))));
  return files;
}

/** A directory that the root has keeps its own owner and mode: so they are recorded. Its time is anybody's. */
function recorded(entry: ImageEntry, facts: LedgerFacts, contents: ImageContents): RecordedEntry {
  const { path, target } = entry;
  const { xattrs, digests, size = entry.stat.size, mtime = entry.stat.mtime } = contentOf(entry, contents);
  const stat = (entry.stat.type === 'directory' && statOfDirectory(path, facts)) || entry.stat;
  const { mode, uid, gid } = stat;
  const head = { path, mode, uid, gid, mtime, ...(xattrs && { xattrs }) };
  switch (stat.type) {
    case 'file':
      return { ...head, type: 'file', size, digests: digests ?? {} };
    case 'symlink':
      return { ...head, type: 'symlink', target: target ?? HERE };
    case 'char':
    case 'block':
      return { ...head, type: stat.type, rdev: stat.rdev };
    default:
      return { ...head, type: stat.type };
  }
}

/** @throws MergeError STAGE_FAILED for what was not there any more when it was to be copied */
function contentOf({ path, stat }: ImageEntry, contents: ImageContents): ImageContent {
  const content = contents.get(path);
  if (content === undefined || (stat.type === 'file' && content.digests === undefined))
    throw new MergeError('STAGE_FAILED', `${quoted(path)} in the image vanished or changed while it was staged`);
  return content;
}

function statOfDirectory(path: Bytes, { real, root, fs }: LedgerFacts) {
  const directory = real.directory(path);
  if (directory === undefined || isProblem(directory)) return undefined;
  const { parent, name } = splitPath(directory);
  return fs.stat(root.at(parent), name);
}
