import type { Placement } from './model.ts';
import { type Layout, PackedList } from './packed-list.ts';

/** What others need comes first: see {@link Placements.add}. */
const RANKS = 8;

/**
 * The placements of a plan, in the order of the commit. Each is made anew when it is asked for: staging says what became of it by
 * {@link Placements.revise}.
 */
export class Placements implements Iterable<Placement> {
  readonly ranks: readonly PackedList<Placement>[];

  constructor() {
    const layout = placementLayout();
    this.ranks = Array.from({ length: RANKS }, () => new PackedList(layout));
  }

  get length(): number {
    return this.ranks.reduce((sum, { length }) => sum + length, 0);
  }

  /** @param rank those of a higher one come later, 0 to 7 */
  add(placement: Placement, rank = 0): void {
    this.ranks[rank]?.push(placement);
  }

  at(index: number): Placement {
    const [list, at] = this.#find(index);
    return list.at(at);
  }

  /** What staging made of one: the commit record will say it. */
  revise(index: number, change: Partial<Pick<Placement, 'rung' | 'staging' | 'undo' | 'placedIno'>>): void {
    const [list, at] = this.#find(index);
    const planned = list.at(at);
    const revised = { ...planned, ...change, isRevised: true };
    const { placedIno, rung, staging, undo } = planned;
    const isSame = revised.placedIno === placedIno && revised.staging === staging && revised.undo === undo;
    if (!isSame || revised.rung !== rung) list.set(at, revised);
  }

  *entries(): Generator<[number, Placement]> {
    let index = 0;
    for (const placement of this) yield [index++, placement];
  }

  *[Symbol.iterator](): Generator<Placement> {
    for (const list of this.ranks) yield* list;
  }

  #find(index: number): [list: PackedList<Placement>, at: number] {
    let at = index;
    for (const list of this.ranks) {
      if (at < list.length) return [list, at];
      at -= list.length;
    }
    throw new RangeError(`bug: no placement ${index} of ${this.length}`);
  }
}

/** What is the same for many placements is kept once, in the first of them. */
function placementLayout(): Layout<Placement> {
  const kinds: Placement[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (placement: Placement): number => {
    const { type, action, entries, rung, staging, undo, isRevised, old } = placement;
    const { as = '', oldAs = '', stagedAs = '', record = '' } = placement;
    const born = old?.born === undefined ? '' : `${old.born.sec}.${old.born.nsec}`;
    const replaced = old === undefined ? '' : `${old.type} ${old.empty} ${old.mode} ${born}`;
    // No name has a slash.
    const key = `${type} ${action} ${entries} ${staging} ${undo} ${isRevised} ${record} ${replaced} ${rung}/${as}/${oldAs}/${stagedAs}`;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, kinds.length);
    return kinds.push(placement) - 1;
  };
  return {
    width: 40,
    write(placement, to, at) {
      to.setUint32(at, placement.directory, true);
      to.setUint32(at + 4, numberOf(placement), true);
      to.setBigUint64(at + 8, placement.ino, true);
      to.setBigUint64(at + 16, placement.placedIno, true);
      to.setBigUint64(at + 24, placement.old?.ino ?? 0n, true);
      to.setFloat64(at + 32, placement.size, true);
    },
    read(from, at, name) {
      const kind = kinds[from.getUint32(at + 4, true)] as Placement;
      return {
        ...kind,
        directory: from.getUint32(at, true),
        name,
        ino: from.getBigUint64(at + 8, true),
        placedIno: from.getBigUint64(at + 16, true),
        old: kind.old && { ...kind.old, ino: from.getBigUint64(at + 24, true) },
        size: from.getFloat64(at + 32, true),
      };
    },
  };
}
