/**
 * Compares what a package put into the root with what is there now. Reads only.
 *
 * Not guaranteed: anything about entries that change meanwhile. A file is reported as it was when it was read.
 */

import type { EntryType, FsPort, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { OpenDirectories } from '../open-directories.ts';
import type { ContentsEntry } from './contents.ts';
import type { RecordedEntry } from './record.ts';
import { EntryVerifier, typesOf } from './verify-entry.ts';

/**
 * `target` is where a symlink leads, `device` what a node stands for. `unreadable`: this user may not look at it, a
 * symlink on the way must not be followed, or the disk fails; it is not known to be whole.
 */
export type FindingKind =
  | 'missing'
  | 'type'
  | 'content'
  | 'target'
  | 'device'
  | 'mode'
  | 'owner'
  | 'mtime'
  | 'xattrs'
  | 'unreadable';

export interface Finding {
  readonly path: Bytes;
  /** `CATEGORY/PF`, where the caller said it. */
  readonly package?: string;
  readonly finding: FindingKind;
  /** The path is protected: to be changed there is what it is for. */
  readonly config: boolean;
}

/** One entry to be looked at; plain values, so that a list of them can go to a worker. */
export interface Expected {
  readonly entry: ContentsEntry;
  /** What our own record says more; undefined for packages that another tool merged. */
  readonly recorded?: RecordedEntry;
  readonly package?: string;
}

export interface VerifyCounts {
  /** Entries that were looked at. */
  readonly entries: number;
  /** Entries of which something is otherwise, configuration apart. */
  readonly changed: number;
  /** The same of configuration. */
  readonly configChanged: number;
  /** Entries that could not be looked at, wholly or in part, and of which nothing else is known to have changed. */
  readonly unreadable: number;
  /** Content that was read, bytes. */
  readonly bytesRead: number;
}

export interface VerifyOptions {
  /** Size and time of a file stand for its content, where our record has both: what somebody changed and dated back is missed. */
  readonly quick?: boolean;
  readonly isProtected: (path: Bytes, entry: Pick<Stat, 'type' | 'size'>) => boolean;
}

/**
 * The entries of CONTENTS with what our record says of them. Another tool may have rewritten CONTENTS since (it takes
 * paths out, and keeps libraries in): what is in both counts, and only while they agree on it.
 */
export function* expectations(
  contents: Iterable<ContentsEntry>,
  recorded: Iterable<RecordedEntry>,
  packageName?: string,
): Generator<Expected, void, undefined> {
  const byPath = new Map<Bytes, RecordedEntry>();
  for (const one of recorded) byPath.set(one.path, one);
  // Of two lines for one path the later counts.
  const entries = new Map<Bytes, ContentsEntry>();
  for (const entry of contents) entries.set(entry.path, entry);
  for (const entry of entries.values()) {
    const record = byPath.get(entry.path);
    const agrees = record !== undefined && agree(entry, record);
    yield { entry, ...(agrees && { recorded: record }), ...(packageName !== undefined && { package: packageName }) };
  }
}

function agree(entry: ContentsEntry, record: RecordedEntry): boolean {
  if (!typesOf[entry.type].includes(record.type)) return false;
  if (entry.type === 'obj' && record.type === 'file')
    return entry.mtime === record.mtime.sec && (record.digests.md5 ?? entry.md5) === entry.md5;
  if (entry.type === 'sym' && record.type === 'symlink')
    return entry.mtime === record.mtime.sec && entry.target === record.target;
  return true;
}

/** Findings in the order of the entries, several for one path where several things changed. Returns the counts. */
export function* verifyEntries(
  expected: Iterable<Expected>,
  root: OpenDirectories,
  fs: FsPort,
  options: VerifyOptions,
): Generator<Finding, VerifyCounts, void> {
  const verifier = new EntryVerifier(root, fs, options.quick ?? false);
  let [entries, changed, configChanged, unreadable] = [0, 0, 0, 0];
  for (const one of expected) {
    entries++;
    const { stat, kinds } = verifier.look(one);
    if (kinds.size === 0) continue;
    const config = isConfig(one, stat, options);
    if (kinds.size === 1 && kinds.has('unreadable')) unreadable++;
    else if (config) configChanged++;
    else changed++;
    const { path } = one.entry;
    for (const finding of kinds)
      yield { path, ...(one.package !== undefined && { package: one.package }), finding, config };
  }
  return { entries, changed, configChanged, unreadable, bytesRead: verifier.bytesRead };
}

/** By what it is, or what it was when it is gone. */
function isConfig({ entry, recorded }: Expected, stat: Stat | undefined, { isProtected }: VerifyOptions): boolean {
  const type = typesOf[entry.type][0] as EntryType;
  const size = recorded?.type === 'file' ? recorded.size : 1;
  return isProtected(entry.path, stat ?? { type: recorded?.type ?? type, size });
}
