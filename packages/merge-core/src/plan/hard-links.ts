import type { Stat } from '../fs/port.ts';
import type { Identical, Placement } from './model.ts';

/** What was planned for one name of an inode that has several. */
export type Member = { readonly placement: Placement } | { readonly identical: Identical; readonly place: () => void; readonly rootIno: bigint } | 'grafted';

interface Group {
  readonly nlink: number;
  readonly members: Member[];
}

/** The hard-link groups of an image: what is one inode there must be one inode in the root. */
export class HardLinks {
  readonly #groups = new Map<string, Group>();

  add(stat: Stat, member: Member): void {
    const key = linkKey(stat);
    let group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, (group = { nlink: stat.nlink, members: [] }));
    group.members.push(member);
  }

  /**
   * A member that was found identical stays only when all of them are, and are one inode in the root too.
   * Otherwise each is placed, so that the group is whole again.
   */
  settle(): void {
    for (const { members } of this.#groups.values()) {
      const identical = members.flatMap((member) => (typeof member === 'object' && 'identical' in member ? [member] : []));
      const whole = identical.length === members.length && new Set(identical.map((member) => member.rootIno)).size <= 1;
      if (!whole) for (const member of identical) member.place();
    }
  }

  /** How many inodes have names outside of what is merged. */
  get linkedElsewhere(): number {
    return [...this.#groups.values()].filter((group) => group.nlink > group.members.length).length;
  }

  /** How many inodes have more than one name in the merge. */
  get shared(): number {
    return [...this.#groups.values()].filter((group) => group.members.length > 1).length;
  }
}

/** Same inode, same key. */
export function linkKey(stat: Pick<Stat, 'dev' | 'ino'>): string {
  return `${stat.dev}:${stat.ino}`;
}
