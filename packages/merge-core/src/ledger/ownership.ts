import type { Bytes } from '@emplace/syscalls';
import { type Problem, quoted } from '../errors.ts';
import { type OwnersIndex, openOwners } from './owners.ts';
import { type PackageName, showPackage } from './package-name.ts';
import { damaged } from './read-below.ts';
import { CONTENTS, type Vdb, type VdbDirectory } from './vdb.ts';

/** Who has what in the root, but for the packages that go or come. The index is opened when it is first needed. */
export class Ownership {
  readonly #vdb: Vdb | undefined;
  /** `CATEGORY/PF` */
  readonly #leftOut: ReadonlySet<string>;
  #index: OwnersIndex | undefined;

  constructor(vdb: Vdb | undefined, leftOut: Iterable<PackageName>) {
    this.#vdb = vdb;
    this.#leftOut = new Set(Array.from(leftOut, showPackage));
  }

  /** Packages that list a path, or something below it. @throws MergeError VDB_DAMAGED when a CONTENTS cannot be read */
  ownersOf(path: Bytes): readonly PackageName[] {
    return (
      this.#opened()
        ?.ownersOf(path)
        .filter((owner) => !this.#leftOut.has(showPackage(owner))) ?? []
    );
  }

  /** Why there may be more owners than {@link ownersOf} knows: lines and whole lists that cannot be read. */
  untold(): readonly Problem[] {
    const unlisted = this.#vdb?.directories().filter((one) => this.#isUnlisted(one)) ?? [];
    return [
      ...(this.#opened()?.problems ?? []),
      ...unlisted.map(({ directory }) =>
        damaged(directory, `${quoted(directory)} has no CONTENTS: nobody knows what belongs to it`),
      ),
    ];
  }

  /** Keeps the index for the next time, where it was made. That it cannot be kept does no harm. */
  save(): void {
    this.#index?.save();
  }

  #isUnlisted({ name, directory }: VdbDirectory): boolean {
    const vdb = this.#vdb;
    return (
      vdb !== undefined &&
      !this.#leftOut.has(showPackage(name)) &&
      vdb.fs.stat(vdb.root.at(directory), CONTENTS) === undefined
    );
  }

  #opened(): OwnersIndex | undefined {
    if (this.#vdb !== undefined) this.#index ??= openOwners(this.#vdb);
    return this.#index;
  }
}
