import { type DirHandle, type FsPort, filesystemName, type Place, type Space, type Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { STAGED_NAME_MAX } from '../staged-names.ts';
import type { Draft } from './draft.ts';

/** What a plan needs of one file system of the root. */
interface Need {
  readonly space: Space;
  /** A directory on it, for messages. */
  readonly path: Bytes;
  bytes: number;
  inodes: number;
  /** Something there is to be changed. */
  changed: boolean;
}

/** The file systems that a plan touches: their limits, and what it will need of each. */
export class Room {
  readonly #fs: FsPort;
  readonly #needs = new Map<number, Need>();

  constructor(fs: FsPort) {
    this.#fs = fs;
  }

  /** Where an open directory lies. */
  place(dir: DirHandle, stat: Stat, path: Bytes): Place {
    let need = this.#needs.get(stat.mountId);
    if (need === undefined) {
      need = { space: this.#fs.space(dir), path, bytes: 0, inodes: 0, changed: false };
      this.#needs.set(stat.mountId, need);
    }
    return { dev: stat.dev, mountId: stat.mountId, magic: need.space.magic };
  }

  /** Counts what one placement takes until the merge is done. */
  take(place: Place, bytes: number, inodes: number): void {
    const need = this.#needs.get(place.mountId);
    if (need === undefined) throw new Error('bug: a place that was never looked at');
    need.bytes += Math.ceil(bytes / need.space.blockSize) * need.space.blockSize;
    need.inodes += inodes;
    need.changed = true;
  }

  /** Whether the file system can hold `name`, and a staged name beside it. */
  holds(place: Place, name: Bytes): boolean {
    const nameMax = this.#needs.get(place.mountId)?.space.nameMax ?? 0;
    return name.length <= nameMax && STAGED_NAME_MAX <= nameMax;
  }

  /** Refuses what does not fit. Not guaranteed: that the room is still there when it is used; staging rolls back then. */
  check(draft: Draft): void {
    for (const { space, path, bytes, inodes, changed } of this.#needs.values()) {
      const where = `(${filesystemName(space.magic)})`;
      if (changed && space.readOnly) draft.refuse('READ_ONLY', path, `lies on a read-only file system ${where}`);
      else if (bytes > space.bytesFree)
        draft.refuse('NO_SPACE', path, `${where} has ${space.bytesFree} bytes free of ${bytes} needed`);
      else if (space.inodesFree !== undefined && inodes > space.inodesFree) {
        draft.refuse('NO_INODES', path, `${where} has ${space.inodesFree} inodes free of ${inodes} needed`);
      }
    }
  }
}
