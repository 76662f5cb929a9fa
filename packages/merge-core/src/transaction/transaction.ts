import type { DirHandle, FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { quoted } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { ImageContent } from '../ledger/read-entry.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { join } from '../paths.ts';
import type { Identical, Placement, Plan, PlannedDirectory, Removal } from '../plan/model.ts';
import { stagedName } from '../staged-names.ts';
import type { Name } from '../strategy/strategy.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import type { Journal } from './journal.ts';

/** A plan being carried out, or recovered: the open trees, the journal, and where each name of it lies. */
export interface Transaction {
  readonly fs: FsPort;
  readonly plan: Plan;
  /** undefined in recovery when the image is gone. */
  readonly image: OpenDirectories | undefined;
  readonly root: OpenDirectories;
  readonly journal: Journal;
  /** Survive a power cut: sync before the commit point and before undo goes. */
  readonly durable: boolean;
  readonly emit: Emit;
  /** Of entries of the image, by path below it: copies add what is not there. undefined: nobody asks. */
  readonly contents?: Map<Bytes, ImageContent> | undefined;
  /** A phase whose tasks need no order. */
  readonly sharing: (point: 'stoppable' | 'finishing') => SharedWork;
}

export function directoryOf(t: Transaction, { directory }: { readonly directory: number }): PlannedDirectory {
  const found = t.plan.directories[directory];
  if (found === undefined) throw new Error(`bug: directory ${directory} is not in the plan`);
  return found;
}

/** An entry of a plan. */
type Entry = Pick<Placement, 'directory' | 'name' | 'as' | 'rung'> | Identical;

/** The name in the root that the placement is about. */
export function targetName(t: Transaction, entry: Pick<Placement, 'directory' | 'name' | 'as'>): Name {
  return { dir: t.root.at(directoryOf(t, entry).target), name: entry.as ?? entry.name };
}

/** Its name in the image, when it has one and the image is still there. */
export function imageName(t: Transaction, entry: Entry): Name | undefined {
  const directory = imageDirectoryOf(t, entry);
  if (t.image === undefined || directory === undefined) return undefined;
  return { dir: t.image.at(directory), name: entry.name };
}

/** The directory of the image that an entry comes from, when it has one. */
export function imageDirectoryOf(t: Transaction, entry: Entry): Bytes | undefined {
  return isRecord(entry) ? undefined : directoryOf(t, entry).image;
}

/** The rung of what the ledger brings: nothing of it is in the image. */
export const RECORD = 'record';

function isRecord(entry: Entry): boolean {
  return 'rung' in entry && entry.rung === RECORD;
}

/** Beside the target: the new entry before it is placed, and after an exchange the old one. */
export function stagedBeside(t: Transaction, index: number, placement: Placement): Name {
  return { dir: t.root.at(directoryOf(t, placement).target), name: stagedNameOf(t, index, placement) };
}

export function stagedNameOf({ plan }: Transaction, index: number, { name, stagedAs }: Placement): Bytes {
  return stagedAs ?? stagedName(plan.transaction, 's', index, name);
}

/** Beside a name that goes: what was kept of it. */
export function removedBeside(t: Transaction, index: number, removal: Removal): Name {
  return beside(t, 'r', index, removal);
}

export function removedName({ plan }: Transaction, index: number, { name }: Removal): Bytes {
  return stagedName(plan.transaction, 'r', index, name);
}

/** Beside the target: the old entry, kept under a second name. */
export function undoBeside(t: Transaction, index: number, placement: Placement): Name {
  return beside(t, 'u', index, placement);
}

export function undoName({ plan }: Transaction, index: number, { name }: Placement): Bytes {
  return stagedName(plan.transaction, 'u', index, name);
}

function beside(t: Transaction, role: 'u' | 'r', index: number, entry: Pick<Placement, 'directory' | 'name'>): Name {
  return {
    dir: t.root.at(directoryOf(t, entry).target),
    name: stagedName(t.plan.transaction, role, index, entry.name),
  };
}

/** Under a name that the file system cannot even look up nothing can be. */
export function statName({ fs }: Pick<Transaction, 'fs'>, { dir, name }: Name): Stat | undefined {
  try {
    return fs.stat(dir, name);
  } catch (error) {
    if (isErrno(error, 'EINVAL', 'EILSEQ', 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}

/** Where a placement goes, below the root. */
export function targetPath(t: Transaction, entry: Pick<Placement, 'directory' | 'name' | 'as'>): Bytes {
  return join(directoryOf(t, entry).target, entry.as ?? entry.name);
}

/** Whether the directory of an entry is there, and no symlink on the way to it: somebody may have moved it meanwhile. */
export function isReachable(t: Transaction, entry: { readonly directory: number }): boolean {
  return openTarget(t, directoryOf(t, entry).target) !== undefined;
}

/** A directory of the root, or undefined when it is not, or no longer, where the plan saw it. */
export function openTarget(t: Transaction, path: Bytes): DirHandle | undefined {
  return openBelow(t.root, path);
}

/** The same below either tree; undefined too when the whole tree is gone. */
export function openBelow(tree: OpenDirectories | undefined, path: Bytes): DirHandle | undefined {
  try {
    return tree?.at(path);
  } catch (error) {
    if (isErrno(error, ...unreachable)) return undefined;
    throw error;
  }
}

/** errnos of a way that is gone, or that leads through a symlink now. */
export const unreachable: readonly string[] = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/** Tells of something that could not be put right and is left to a person. */
export function warnOfLeft(t: Transaction, path: Bytes, what: string): void {
  t.emit({ type: 'warning', warning: { code: 'LEFT_BEHIND', message: `${quoted(path)} ${what}`, path } });
}

/** Calls `each` with every placement and its index. */
export function* eachPlacement(t: Transaction): Generator<[number, Placement]> {
  yield* t.plan.placements.entries();
}
