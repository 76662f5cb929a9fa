/** An upgrade and an unmerge of a real package's size on a real disk: exactly what they should leave, and nothing between old and new however they are killed. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  compareTrees,
  type EntrySnapshot,
  makeLoopFs,
  snapshotTree,
  type TemporaryDirectory,
  type TreeSnapshot,
  temporaryDirectory,
  unmount,
} from '@emplace/fixtures';
import { isRoot, rootTest } from '@emplace/fixtures/jest';
import {
  type Emit,
  type MergeError,
  type MergeOptions,
  type MergeReport,
  merge,
  recover,
  type UnmergeOptions,
  unmerge,
} from '@emplace/merge-core';
import { type Bytes, toBytes } from '@emplace/syscalls';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { installFirst, ledgerOf } from './package-versions.ts';
import { gone, kill } from './running.ts';

const child = fileURLToPath(new URL('./children/supervised-operation.ts', import.meta.url));

/** Without what the machinery of the ledger leaves on purpose: a cache, and times that tell when it was. */
function comparable(tree: TreeSnapshot): TreeSnapshot {
  const kept = new Map<Bytes, EntrySnapshot>();
  for (const [path, entry] of tree) {
    if (path.endsWith('.emplace-owners')) continue;
    kept.set(path, path.startsWith('var/') ? { ...entry, mtimeNs: 0n } : entry);
  }
  return kept;
}

function differences(wanted: TreeSnapshot, found: TreeSnapshot): string[] {
  return compareTrees(wanted, found, { ignore: { directoryMtimes: true } });
}

type Operation = 'merge' | 'unmerge';

/** An ext4, and the place where processes that are started hundreds of times find what they have compiled. */
class Disk implements Disposable {
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

/** A root with the first version in it, and the image of the second, as often as they are asked for. */
class Installed {
  readonly #place: string;
  readonly old: TreeSnapshot;

  /** @param place an empty directory */
  constructor(place: string) {
    this.#place = place;
    installFirst(place);
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
    return { root, image: this.at('image'), sync: 'none', ledger: ledgerOf(root, 2) };
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

/** Where the root has an entry of the image: `lib` is a symlink there. */
function inRoot(path: Bytes): Bytes {
  return path.replace(/^lib\//, 'usr/lib/') as Bytes;
}

describe('a package of some hundred entries on ext4', () => {
  let disk: Disk;
  /** Two of them: while one is copied, the other one's processes work. */
  let lanes: readonly [Installed, Installed];
  beforeAll(() => {
    if (!isRoot) return;
    disk = new Disk();
    lanes = [0, 1].map((lane) => {
      mkdirSync(`${disk.path}/${lane}`);
      return new Installed(`${disk.path}/${lane}`);
    }) as [Installed, Installed];
  }, 120_000);
  afterAll(() => {
    if (isRoot) disk[Symbol.dispose]();
  });

  rootTest('is upgraded to exactly the new files, the changes of the administrator, and one entry', async () => {
    const [installed] = lanes;
    installed.fresh();
    const image = snapshotTree(installed.at('image'));
    const { protected: kept, ledger, outcome } = await installed.run('merge');
    expect([outcome, kept, ledger?.replaced]).toEqual([
      'merged',
      [{ path: 'etc/edited', as: '._cfg0000_edited' }],
      ['app-misc/app-1'],
    ]);
    const wanted = new Map<Bytes, EntrySnapshot>();
    for (const [path, entry] of image) {
      const target = path === 'etc/edited' ? ('etc/._cfg0000_edited' as Bytes) : inRoot(path);
      if (path !== '.' && path !== 'lib') wanted.set(target, { ...entry, linkedTo: inRoot(entry.linkedTo) });
    }
    const own = (path: Bytes): EntrySnapshot => installed.old.get(path) as EntrySnapshot;
    wanted.set(toBytes('etc/._cfg0000_edited'), {
      ...(image.get(toBytes('etc/edited')) as EntrySnapshot),
      linkedTo: toBytes('etc/._cfg0000_edited'),
    });
    for (const path of ['.', 'lib', 'etc/edited', 'etc/obsolete-edited', 'usr/share/both/of somebody else'].map(
      toBytes,
    ))
      wanted.set(path, own(path));
    // A directory that was there keeps its own owner and mode.
    const found = installed.found();
    const files = new Map([...found].filter(([path]) => path !== 'var' && !path.startsWith('var/')));
    expect(differences(wanted, files)).toEqual([]);
    expect(readdirSync(`${installed.root}/var/db/pkg/app-misc`)).toEqual(['.app:0.portage_lockfile', 'app-2']);
    expect(readFileSync(`${installed.root}/var/cache/edb/counter`, 'utf8')).toBe('43');
    // The image is used up.
    expect(readdirSync(installed.at('image'))).toEqual([]);
  });

  rootTest('goes, but for what the administrator changed and somebody else put there', async () => {
    const [installed] = lanes;
    installed.fresh();
    await installed.run('unmerge');
    const left = [...installed.found().keys()].filter(
      (path) => path !== '.' && path !== 'var' && !path.startsWith('var/'),
    );
    expect(left.sort()).toEqual([
      'etc',
      'etc/edited',
      'etc/obsolete-edited',
      'lib',
      'usr',
      'usr/share',
      'usr/share/both',
      'usr/share/both/of somebody else',
    ]);
    expect(readdirSync(`${installed.root}/var/db/pkg/app-misc`)).toEqual(['.app:0.portage_lockfile']);
  });

  /** Kills one of the two processes at a moment of `span`, recovers, and says which whole tree that is. */
  async function killed(
    installed: Installed,
    operation: Operation,
    moment: number,
    round: number,
    after: TreeSnapshot,
    isOld: boolean,
  ): Promise<'old' | 'new'> {
    installed.fresh(isOld);
    if (round % 4 < 2) await killMover(installed, operation, moment);
    else await killSupervisor(installed, operation, moment);
    const how = { root: installed.root, sync: 'none', inProcess: true, lockTimeoutMs: 30_000 } as const;
    await recover({ ...how, rollback: round % 5 === 0 }).catch(async (error: MergeError) => {
      expect(error.code).toBe('ROLLBACK_TOO_LATE');
      await recover(how);
    });
    const found = installed.found();
    if (differences(installed.old, found).length === 0) return 'old';
    expect({ round, moment, differences: differences(after, found) }).toEqual({ round, moment, differences: [] });
    return 'new';
  }

  async function killMover(installed: Installed, operation: Operation, moment: number): Promise<void> {
    let stopped: Promise<void> | undefined;
    await installed
      .run(operation, (pid) => {
        stopped ??= sleep(moment).then(() => kill(pid, 'SIGKILL'));
      })
      .catch((error: MergeError) => expect(error.code).toBe('MOVER_DIED'));
    await stopped;
  }

  async function killSupervisor(installed: Installed, operation: Operation, moment: number): Promise<void> {
    const flags = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning'];
    const args = [...flags, child, operation, JSON.stringify(installed.options(operation))];
    const running = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
    });
    const ended = once(running, 'close');
    const [pid] = (await once(createInterface({ input: running.stdout }), 'line')) as [string];
    await sleep(moment);
    running.kill('SIGKILL');
    await ended;
    await gone(Number(pid));
  }

  /** How long the process that works does so. */
  async function workMs(installed: Installed, operation: Operation): Promise<number> {
    installed.fresh();
    let started = 0;
    await installed.run(operation, () => {
      started = performance.now();
    });
    return performance.now() - started;
  }

  for (const { operation, rounds } of [
    { operation: 'merge', rounds: 200 },
    { operation: 'unmerge', rounds: 50 },
  ] as const) {
    rootTest(
      `${operation === 'merge' ? 'upgraded' : 'unmerged'} with either process killed at ${rounds} moments: files and database are wholly old or wholly new (G1, G3)`,
      async () => {
        const seen = { old: 0, new: 0 };
        const run = async (installed: Installed, lane: number): Promise<void> => {
          const span = await workMs(installed, operation);
          const after = installed.found();
          let tree: 'old' | 'new' = 'new';
          for (let round = lane; round < rounds; round += lanes.length) {
            const moment = (span * 1.1 * round) / rounds;
            tree = await killed(installed, operation, moment, round, after, tree === 'old');
            seen[tree]++;
          }
        };
        // All of them, also when one fails: what still works keeps the disk busy.
        const ended = await Promise.allSettled(lanes.map(run));
        for (const one of ended) if (one.status === 'rejected') throw one.reason;
        expect(seen.old).toBeGreaterThan(0);
        expect(seen.new).toBeGreaterThan(0);
      },
      300_000,
    );
  }
});
