/** Records what an operation makes of a disk, cuts the power in it, and looks at what is there when it is back. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import {
  compareTrees,
  formatDisk,
  mountDisk,
  type Random,
  snapshotTree,
  type TreeSnapshot,
  unmount,
} from '@emplace/fixtures';
import { diskAfterCut, type Fate, type LoggedEvent, type PowerCut, recordDisk } from '@emplace/fixtures/disk';
import { beforeCall } from '@emplace/fixtures/faults';
import { linuxPort, owners } from '@emplace/merge-core';
import { comparable } from '../../src/package-versions.ts';
import { type CutFileSystem, commitMetadata } from './file-systems.ts';
import { type CutOperation, recoverRoot } from './operations.ts';

/** What an operation did to a disk. */
export interface Recording {
  /** The disk before it. */
  readonly base: string;
  readonly events: readonly LoggedEvent[];
  /** Moments of its begin, of its return, and of some time after. */
  readonly started: number;
  readonly returned: number;
  readonly ended: number;
  /** The root that it left. */
  readonly after: TreeSnapshot;
}

const FATES: readonly Fate[] = ['lost', 'kept', 'some', 'torn'];

/** What is found when the power is back. */
export interface Recovered {
  readonly tree: TreeSnapshot;
  /** What the journal said of what was decided, before it was recovered; undefined when there was none. */
  readonly journal: readonly string[] | undefined;
  /** Of the package's program, as the database says. */
  readonly owners: readonly string[];
}

export class Laboratory {
  readonly fileSystem: CutFileSystem;
  readonly random: Random;
  readonly #work: string;
  #disks = 0;
  #other: string | undefined;

  /** @param work a directory on a file system in memory */
  constructor(fileSystem: CutFileSystem, work: string, random: Random) {
    this.fileSystem = fileSystem;
    this.#work = work;
    this.random = random;
  }

  /** Where every disk is mounted: a journal has paths of it. */
  get place(): string {
    return `${this.#work}/mounted`;
  }

  /** Name of a new disk. */
  newDisk(): string {
    return `${this.#work}/disk-${this.#disks++}`;
  }

  /** Mounts a disk while `act` works on {@link place}. */
  mounted<T>(disk: string, act: () => T): T {
    const { kind, mount } = this.fileSystem;
    mountDisk(kind, disk, this.place, mount);
    try {
      return act();
    } finally {
      unmount(this.place);
    }
  }

  /**
   * Merges into a root that is on two file systems, and cuts the power in one of them when that is over: it loses all
   * that was not flushed, the one with the journal nothing.
   * @param act with the root, and what makes names and attributes of the file system that is cut durable
   * @returns what `act` left in the root, and what is there after the power was back and the root recovered
   */
  async cutBelow(base: string, act: (root: string, commit: () => void) => void): Promise<readonly TreeSnapshot[]> {
    const { kind, mount } = this.fileSystem;
    const work = `${this.#work}/recorded`;
    const root = `${this.#work}/two/root`;
    mkdirSync(`${root}/usr`, { recursive: true });
    try {
      await using disk = await recordDisk(base, work);
      mountDisk(kind, disk.path, `${root}/usr`, mount);
      let left: TreeSnapshot;
      try {
        act(root, () => commitMetadata(kind, `${root}/usr`));
        left = snapshotTree(root);
        const cut = { moment: disk.moment(), fate: 'lost', sectorBytes: this.fileSystem.sectorBytes } as const;
        diskAfterCut(base, disk.events(), cut, this.random, `${work}/after`);
      } finally {
        unmount(`${root}/usr`);
      }
      mountDisk(kind, `${work}/after`, `${root}/usr`, mount);
      try {
        recoverRoot(root, false);
        return [left, snapshotTree(root)];
      } finally {
        unmount(`${root}/usr`);
      }
    } finally {
      rmSync(work, { recursive: true, force: true });
      rmSync(`${this.#work}/two`, { recursive: true, force: true });
    }
  }

  /** Runs an operation on a copy of `base`, beside a neighbour who makes what there is of it durable at random calls. */
  async record(base: string, operation: CutOperation, sync: 'full' | 'none'): Promise<Recording> {
    const work = `${this.#work}/recorded`;
    try {
      await using disk = await recordDisk(base, work);
      const run = this.mounted(disk.path, () => {
        operation.prepare(this.place);
        const started = disk.moment();
        operation.run(this.place, { sync, fs: beforeCall(linuxPort(), () => this.#disturb()) });
        const returned = disk.moment();
        const after = this.look();
        commitMetadata(this.fileSystem.kind, this.place);
        return { started, returned, after, ended: disk.moment() };
      });
      return { base, events: disk.events(), ...run };
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }

  #disturb(): void {
    if (this.random.chance(1 / 300)) commitMetadata(this.fileSystem.kind, this.place);
  }

  /** A moment of the recording: all times between two flushes are as likely, however much was written then. */
  cut({ events, started, ended }: Recording): PowerCut {
    const during = events.filter(({ moment }) => moment > started && moment <= ended);
    const times: number[][] = [[started]];
    for (const { type, moment } of during) {
      if (type === 'flush') times.push([moment]);
      else times.at(-1)?.push(moment);
    }
    const [moment, fate] = [this.random.pick(this.random.pick(times)), this.random.pick(FATES)];
    return { moment, fate, sectorBytes: this.fileSystem.sectorBytes };
  }

  /** The disk as it is found when the power is back. @returns its name */
  afterCut({ base, events }: Recording, cut: PowerCut): string {
    const disk = this.newDisk();
    diskAfterCut(base, events, cut, this.random, disk);
    return disk;
  }

  /** After a reboot devices may have other numbers: as if another disk had been found first. */
  #renumbered<T>(act: () => T): T {
    const { kind, sizeMiB } = this.fileSystem;
    if (this.#other === undefined) {
      this.#other = this.newDisk();
      formatDisk(kind, sizeMiB, this.#other);
    }
    mountDisk(kind, this.#other, `${this.#work}/other`);
    try {
      return act();
    } finally {
      unmount(`${this.#work}/other`);
    }
  }

  /** Recovers the root of a disk, which is used up. */
  recover(disk: string, rollback: boolean): Recovered {
    const root = `${this.place}/root`;
    const recovered = (): Recovered => {
      const journal = decisions(`${root}/.emplace/journal`);
      recoverRoot(root, rollback);
      const tree = this.look();
      const [program] = owners({ root, vdb: `${root}/var/db/pkg`, paths: ['/usr/bin/app'] }).paths;
      return { tree, journal, owners: program?.owners ?? [] };
    };
    try {
      return this.#renumbered(() => this.mounted(disk, recovered));
    } finally {
      rmSync(disk);
    }
  }

  /** The root of a disk as it is. */
  lookAt(disk: string): TreeSnapshot {
    return this.mounted(disk, () => this.look());
  }

  /** The root of the disk that is mounted. */
  look(): TreeSnapshot {
    return comparable(snapshotTree(`${this.place}/root`));
  }
}

/** The whole records after the plan of a journal (docs/JOURNAL.md), by name; undefined where there is none. */
function decisions(path: string): string[] | undefined {
  if (!existsSync(path)) return undefined;
  const found: string[] = [];
  for (const line of readFileSync(path, 'latin1').split('\n')) {
    const [, crc, record = '', name] = /^([0-9a-f]{8}) (\["(commit|rollback|placed)".*\])$/.exec(line) ?? [];
    if (name !== undefined && Number.parseInt(crc ?? '', 16) === crc32(Buffer.from(record, 'latin1'))) found.push(name);
  }
  return found;
}

/** Contents, attributes and names; times of directories change with every name that comes and goes. */
export function differences(wanted: TreeSnapshot, found: TreeSnapshot): string[] {
  return compareTrees(wanted, found, { ignore: { directoryMtimes: true } });
}
