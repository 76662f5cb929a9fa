import type { EntryType, FsPort, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { type ImageContent, madeContent, readEntry } from '../ledger/read-entry.ts';
import type { Name } from '../strategy/strategy.ts';
import type { Workplace } from '../threads/tasks.ts';

/** An entry of the image, no directory, of which a second one is to be made. */
export interface StageEntry {
  /** Below the image. */
  readonly from: Bytes;
  readonly name: Bytes;
  readonly type: EntryType;
  /** Below the root. */
  readonly directory: Bytes;
  /** Its name there. */
  readonly as: Bytes;
  /** The strategy that is planned. */
  readonly rung: string;
  /** What it holds is to be told, and was not read before. */
  readonly isRead: boolean;
  /** It is one that will be placed: told by its inode. */
  readonly isPlaced: boolean;
}

export interface StagedEntry {
  /** The strategy that was used. */
  readonly rung: string;
  /** Of the staged entry, where that is asked for. */
  readonly ino?: bigint;
  /** Where that is asked for. */
  readonly content?: ImageContent | undefined;
}

/** @returns undefined, and nothing was done, for one of several names of an inode: they stay one, so one thread makes them. */
export function stageEntry(task: StageEntry, at: Workplace): StagedEntry | undefined {
  const { fs, image, root, climber } = at;
  if (image === undefined) throw new Error('bug: staging without an image');
  const source = { dir: image.at(task.from), name: task.name };
  const stat = mustStat(source, fs);
  if (stat.type !== task.type)
    throw new MergeError('STAGE_FAILED', `${quoted(task.name)} in the image changed its type while it was staged`);
  if (stat.nlink > 1 && climber.choice.links) return undefined;
  const staged = { dir: root.at(task.directory), name: task.as };
  const { rung, content } = makeStaged(task, source, stat, staged, at);
  return { rung, content, ...(task.isPlaced && { ino: mustStat(staged, fs).ino }) };
}

/** Brings an entry to its staged name, and reads what is asked for. @returns the rung that was used, by name */
export function makeStaged(
  { from, directory, name, type, rung: planned, isRead }: StageEntry,
  source: Name,
  stat: Stat,
  staged: Name,
  at: Workplace,
): { readonly rung: string; readonly content: ImageContent | undefined } {
  const { climber, digests, buffer } = at;
  const reading = { buffer, digests: isRead ? digests : [] };
  const { rung, made } = climber.climb(directory, source, stat, staged, climber.named(planned), reading);
  if (!isRead) return { rung: rung.name, content: undefined };
  const isFile = type === 'file';
  return { rung: rung.name, content: madeContent(made, isFile) ?? readEntry({ directory: from, name, isFile }, at) };
}

/** @throws MergeError STAGE_FAILED */
export function mustStat({ dir, name }: Name, fs: FsPort): Stat {
  const stat = fs.stat(dir, name);
  if (stat === undefined) throw new MergeError('STAGE_FAILED', `${quoted(name)} vanished while it was staged`);
  return stat;
}
