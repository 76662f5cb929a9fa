import type { EntryType, FsPort, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
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
  /** It is one that will be placed: told by its inode. */
  readonly isPlaced: boolean;
}

export interface StagedEntry {
  /** The strategy that was used. */
  readonly rung: string;
  /** Of the staged entry, where that is asked for. */
  readonly ino?: bigint;
}

/** @returns undefined, and nothing was done, for one of several names of an inode: they stay one, so one thread makes them. */
export function stageEntry(task: StageEntry, { fs, image, root, climber }: Workplace): StagedEntry | undefined {
  if (image === undefined) throw new Error('bug: staging without an image');
  const source = { dir: image.at(task.from), name: task.name };
  const stat = mustStat(source, fs);
  if (stat.type !== task.type)
    throw new MergeError('STAGE_FAILED', `${quoted(task.name)} in the image changed its type while it was staged`);
  if (stat.nlink > 1 && climber.choice.links) return undefined;
  const staged = { dir: root.at(task.directory), name: task.as };
  const { name: rung } = climber.climb(task.directory, source, stat, staged, climber.named(task.rung));
  return task.isPlaced ? { rung, ino: mustStat(staged, fs).ino } : { rung };
}

/** @throws MergeError STAGE_FAILED */
export function mustStat({ dir, name }: Name, fs: FsPort): Stat {
  const stat = fs.stat(dir, name);
  if (stat === undefined) throw new MergeError('STAGE_FAILED', `${quoted(name)} vanished while it was staged`);
  return stat;
}
