import { type Bytes, isErrno } from '@emplace/syscalls';
import { join, splitPath } from '../paths.ts';
import type { GoingVersion } from './going-versions.ts';
import type { PackageName } from './package-name.ts';
import type { Vdb } from './vdb.ts';
import { lockSlot } from './vdb-locks.ts';

interface Slot {
  readonly category: Bytes;
  readonly pn: Bytes;
  /** Without the subslot. */
  readonly slot: string;
}

/** The slots that change, sorted: who takes several takes them in one order, or two wait for each other (A.1). */
export function slotsOf(name: PackageName, slot: string | undefined, going: readonly GoingVersion[]): Slot[] {
  const found = new Map<string, Slot>();
  const add = ({ category, pn }: PackageName, one: string): void => {
    const bare = one.split('/')[0] ?? one;
    found.set(`${category}/${pn}:${bare}`, { category, pn, slot: bare });
  };
  if (slot !== undefined) add(name, slot);
  for (const { entry } of going) if (entry !== undefined) add(entry.name, entry.slot);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/**
 * Takes their locks, as Portage does with FEATURES=parallel-install. A category in which nothing but a lock was left goes with that.
 * @returns the lock files
 */
export function lockSlots(
  slots: readonly Slot[],
  going: readonly GoingVersion[],
  vdb: Vdb,
  held: DisposableStack,
): Bytes[] {
  const emptied = new Set(going.map(({ entry }) => entry?.name.category));
  return slots.map(({ category, pn, slot }) => {
    if (emptied.has(category)) held.defer(() => removeIfEmpty(join(vdb.path, category), vdb));
    return held.use(lockSlot(vdb, category, pn, slot)).path;
  });
}

function removeIfEmpty(path: Bytes, { fs, root }: Vdb): void {
  const { parent, name } = splitPath(path);
  try {
    fs.rmdir(root.at(parent), name);
  } catch (error) {
    // It is in use, or was never made.
    if (!isErrno(error)) throw error;
  }
}
