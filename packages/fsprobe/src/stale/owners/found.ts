import type { Bytes } from '@emplace/syscalls';

/** Owners as they are found: records may name one twice. */
export class Found {
  readonly #owners: Map<Bytes, Set<string>> = new Map();

  add(path: Bytes, owner: string): void {
    const owners = this.#owners.get(path);
    if (owners === undefined) this.#owners.set(path, new Set([owner]));
    else owners.add(owner);
  }

  /** Every owner of any path, once. */
  all(): ReadonlySet<string> {
    return new Set([...this.#owners.values()].flatMap((owners) => [...owners]));
  }

  /** @param shown what is told of an owner, for instance its name and version */
  owners(shown: (owner: string) => string = (owner) => owner): ReadonlyMap<Bytes, readonly string[]> {
    return new Map([...this.#owners].map(([path, owners]) => [path, [...owners].map(shown).sort()]));
  }
}
