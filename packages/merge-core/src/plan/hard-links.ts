import type { Stat } from '@emplace/fsprobe';

/** A name that was found identical, as long as its hard links agree. */
interface IdenticalMember {
  /** The root's inode. */
  readonly rootKey: string;
  readonly rootNlink: number;
  /** Places it after all. */
  readonly place: () => void;
}

/** What was planned for one name of an inode that has several, in the image or in the root. */
export type Member = 'placed' | IdenticalMember;

interface Group {
  readonly nlink: number;
  readonly members: Member[];
}

/** The hard links of an image: what is one inode there must be one inode in the root, and what is not must not. */
export class HardLinks {
  readonly #groups = new Map<string, Group>();

  add(stat: Stat, member: Member): void {
    const key = linkKey(stat);
    const group = this.#groups.get(key) ?? { nlink: stat.nlink, members: [] };
    group.members.push(member);
    this.#groups.set(key, group);
  }

  /**
   * A group stays as it is in the root only when all of its members are identical there and are one inode, which no
   * other group claims. Otherwise each member is placed, so that the group is whole again.
   */
  settle(): void {
    const claimed = new Set<string>();
    for (const { members } of this.#groups.values()) {
      const identical = members.filter((member) => member !== 'placed');
      const [first] = identical;
      if (first === undefined) continue;
      const whole = identical.length === members.length && identical.every(({ rootKey }) => rootKey === first.rootKey);
      // A name that is no member keeps its inode to itself: setting our time would set its time.
      const shared = first.rootNlink > members.length;
      if (whole && !shared && !claimed.has(first.rootKey)) claimed.add(first.rootKey);
      else for (const member of identical) member.place();
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
