import type { Bytes } from '@emplace/syscalls';
import type { Emit } from '../events.ts';
import type { FsPort } from '../fs/port.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { join } from '../paths.ts';
import type { Placement, Plan, PlannedDirectory } from '../plan/model.ts';
import { stagedName } from '../staged-names.ts';
import type { Name } from '../strategy/strategy.ts';
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
}

export function directoryOf(t: Transaction, { directory }: { readonly directory: number }): PlannedDirectory {
  const found = t.plan.directories[directory];
  if (found === undefined) throw new Error(`bug: directory ${directory} is not in the plan`);
  return found;
}

/** The name in the root that the placement is about. */
export function targetName(t: Transaction, entry: { readonly directory: number; readonly name: Bytes }): Name {
  return { dir: t.root.at(directoryOf(t, entry).target), name: entry.name };
}

/** Its name in the image, when the image is still there. */
export function imageName(
  t: Transaction,
  entry: { readonly directory: number; readonly name: Bytes },
): Name | undefined {
  return t.image && { dir: t.image.at(directoryOf(t, entry).image), name: entry.name };
}

/** Beside the target: the new entry before it is placed, and after an exchange the old one. */
export function stagedBeside(t: Transaction, index: number, placement: Placement): Name {
  return beside(t, 's', index, placement);
}

/** Beside the target: the old entry, kept under a second name. */
export function undoBeside(t: Transaction, index: number, placement: Placement): Name {
  return beside(t, 'u', index, placement);
}

function beside(t: Transaction, role: 's' | 'u', index: number, placement: Placement): Name {
  return {
    dir: t.root.at(directoryOf(t, placement).target),
    name: stagedName(t.plan.transaction, role, index, placement.name),
  };
}

/** Where a placement goes, below the root. */
export function targetPath(t: Transaction, placement: Placement): Bytes {
  return join(directoryOf(t, placement).target, placement.name);
}

/** Calls `each` with every placement and its index. */
export function* eachPlacement(t: Transaction): Generator<[number, Placement]> {
  yield* t.plan.placements.entries();
}
