/** A package of some hundred entries that is installed on a real disk. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import {
  compareTrees,
  makeLoopFs,
  snapshotTree,
  type TemporaryDirectory,
  type TreeSnapshot,
  temporaryDirectory,
  unmount,
} from '@emplace/fixtures';
import {
  type Emit,
  type MergeOptions,
  type MergeReport,
  merge,
  type UnmergeOptions,
  unmerge,
} from '@emplace/merge-core';
import { expect } from '@jest/globals';
import { comparable, installFirst, ledgerOf, versionEntries } from './package-versions.ts';

export function differences(wanted: TreeSnapshot, found: TreeSnapshot): string[] {
  return compareTrees(wanted, found, { ignore: { directoryMtimes: true } });
}

/** Whether what a kill left is neither of two trees, names of the merge's own aside: what nobody recovers must show it. */
export function isNeither(left: TreeSnapshot, ...trees: readonly TreeSnapshot[]): boolean {
  const found = new Map([...left].filter(([path]) => !/\.emplace|-MERGING-/.test(path)));
  return trees.every((tree) => differences(tree, found).length > 0);
}

export type Operation = 'merge' | 'unmerge';

/** An ext4, and the place where processes that are started hundreds of times find what they have compiled. */
export class Disk implements Disposable {
  readonly #work: TemporaryDirectory = temporaryDirectory();
  readonly path: string = this.#work.at('fs');

  constructor() {
    makeLoopFs('ext4', 1024, this.path);
    process.env.NODE_COMPILE_CACHE = this.#work.make('compiled');
  }

  [Symbol.dispose](): void {
    delete process.env.NODE_COMPILE_CACHE;
    unmount(this.path);
    this.#work[Symbol.dispose]();
  }
}

interface InstalledHow {
  readonly strategy?: string;
  /** What each version has. */
  readonly entriesOf?: typeof versionEntries;
}

/** A root with the first version in it, and the image of the second, as often as they are asked for. */
export class Installed {
  readonly #place: string;
  readonly #strategy: string;
  readonly old: TreeSnapshot;

  /** @param place an empty directory */
  constructor(place: string, { strategy = 'auto', entriesOf = versionEntries }: InstalledHow = {}) {
    this.#place = place;
    this.#strategy = strategy;
    installFirst(place, entriesOf);
    for (const name of ['root', 'image']) spawnSync('cp', ['-a', this.at(name), this.at(`${name}-before`)]);
    this.old = comparable(snapshotTree(this.root));
  }

  at(name: string): string {
    return `${this.#place}/${name}`;
  }

  get root(): string {
    return this.at('root');
  }

  options(operation: Operation): UnmergeOptions | MergeOptions {
    const { root } = this;
    if (operation === 'unmerge') return { root, sync: 'none', ledger: ledgerOf(root, 1) };
    return { root, image: this.at('image'), sync: 'none', strategy: this.#strategy, ledger: ledgerOf(root, 2) };
  }

  /** @param isOld the root was found to be the old tree, which is as good as a copy of it */
  fresh(isOld = false): void {
    for (const name of isOld ? ['image'] : ['root', 'image']) {
      expect(spawnSync('rm', ['-rf', this.at(name)]).status).toBe(0);
      expect(spawnSync('cp', ['-a', this.at(`${name}-before`), this.at(name)]).status).toBe(0);
    }
  }

  async run(operation: Operation, onMover?: (pid: number) => void): Promise<MergeReport> {
    const onEvent: Emit = (event) => {
      if (event.type === 'mover') onMover?.(event.pid);
    };
    const asked = { ...this.options(operation), onEvent };
    return await ('image' in asked ? merge(asked) : unmerge(asked as UnmergeOptions));
  }

  found(): TreeSnapshot {
    return comparable(snapshotTree(this.root));
  }
}

/** Two of them on a disk: while one is copied, the other one's processes work. */
export function twoLanes(disk: Disk, how: InstalledHow = {}): readonly [Installed, Installed] {
  return [0, 1].map((lane) => {
    mkdirSync(`${disk.path}/${lane}`);
    return new Installed(`${disk.path}/${lane}`, how);
  }) as [Installed, Installed];
}
