import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { compareTrees, snapshotTree, type TreeSnapshot } from '@emplace/fixtures';
import { linuxPort } from '@emplace/merge-core';
import type { Bytes } from '@emplace/syscalls';
import { comparable, installFirst } from '../../src/package-versions.ts';
import type { Operation } from './operations.ts';
import { smallVersion } from './small-package.ts';

/** Which tree a root holds, and how it differs from the one that it is most like. */
interface Seen {
  readonly tree: 'old' | 'new' | 'neither';
  readonly differences: readonly string[];
}

/** A root with the first version of a package and an image of the second, as often as they are asked for, and what an operation makes of them. */
export class World {
  readonly place: string;
  readonly old: TreeSnapshot;
  readonly #oldImage: TreeSnapshot;
  readonly fresh: TreeSnapshot;
  /** Something may have been changed since they were copied. */
  #isUsed = true;

  /**
   * @param place a directory on the file system where that is to be, which is made
   * @param entriesOf each version of the package
   */
  constructor(place: string, operation: Operation, entriesOf = smallVersion) {
    this.place = place;
    mkdirSync(place);
    installFirst(place, entriesOf);
    this.#shell('mkdir before && cp -a root image before/');
    this.restore();
    this.old = comparable(snapshotTree(this.root));
    this.#oldImage = snapshotTree(`${place}/image`);
    operation(place, { fs: linuxPort() });
    this.fresh = comparable(snapshotTree(this.root));
    if (this.see().tree !== 'new') throw new Error('bug: there is nothing to do, so nothing can be half done');
  }

  get root(): string {
    return `${this.place}/root`;
  }

  restore(): void {
    if (this.#isUsed) this.#shell('rm -rf root image && cp -a before/root before/image .');
    this.#isUsed = true;
  }

  /**
   * Which tree the root holds. Times of directories are part of the old one; in the new one names came and went.
   * @param told paths of what stays, and was said to stay
   */
  see(told: readonly Bytes[] = []): Seen {
    const found = comparable(snapshotTree(this.root));
    const [fromOld, fromNew] = [
      compareTrees(this.old, found, { ignore: { paths: told } }),
      compareTrees(withoutTimes(this.fresh), withoutTimes(found), { ignore: { directoryMtimes: true, paths: told } }),
    ];
    if (fromOld.length === 0) return { tree: 'old', differences: [] };
    if (fromNew.length === 0) return { tree: 'new', differences: [] };
    return { tree: 'neither', differences: fromOld.length < fromNew.length ? fromOld : fromNew };
  }

  /** How the image differs from what it was. Its directories get the time at which what was taken came back. */
  seeImage(): string[] {
    return compareTrees(this.#oldImage, snapshotTree(`${this.place}/image`), { ignore: { directoryMtimes: true } });
  }

  /** The old tree was seen in root and image: no need to copy them. */
  keep(): void {
    this.#isUsed = false;
  }

  /** What is in the root. */
  paths(): Bytes[] {
    return [...snapshotTree(this.root).keys()];
  }

  /** Names that only a merge that is not over has. */
  ownNames(): string[] {
    return [this.root, `${this.place}/image`].flatMap((top) =>
      [...snapshotTree(top).keys()].filter((path) => /(^|\/)\.emplace(\/|$)|\.emplace-(?!owners)|-MERGING-/.test(path)),
    );
  }

  #shell(script: string): void {
    const { status, stderr } = spawnSync('/bin/sh', ['-c', script], { cwd: this.place, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }
}

/** The package's record tells the times of directories to the nanosecond, which others see as a change of its length. */
function withoutTimes(tree: TreeSnapshot): TreeSnapshot {
  return new Map(
    [...tree].map(([path, entry]) => [
      path,
      path.endsWith('/EMPLACE') ? { ...entry, size: 0, sha256: '', extents: '' } : entry,
    ]),
  );
}
