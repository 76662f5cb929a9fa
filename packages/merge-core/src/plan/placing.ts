import type { Place, Site } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { quoted } from '../errors.ts';
import type { DirHandle, FsPort, Stat } from '../fs/port.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { join } from '../paths.ts';
import type { Ladder } from '../strategy/select.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { Draft } from './draft.ts';
import { linkKey } from './hard-links.ts';
import { isIdentical } from './identical.ts';
import type { OldEntry } from './model.ts';
import type { Room } from './room.ts';
import type { Sites } from './sites.ts';
import type { Survey, Surveys } from './survey.ts';
import { mayRun, type UndoChoice, undoKind } from './undo-kind.ts';

/** The directory of the image that is being planned, beside its target. */
export interface Current {
  readonly image: Bytes;
  readonly stat: Stat;
  readonly target: Bytes;
  /** undefined: the root has no such directory, it will be made. */
  readonly targetStat: Stat | undefined;
  readonly place: Place;
  /** Its number in the plan. */
  readonly index: number;
  readonly imageDir: DirHandle;
  readonly targetDir: DirHandle | undefined;
  readonly site: Site;
  readonly ladder: Ladder;
  /** What was learned of the directories below, when one above was looked at as a graft. */
  readonly surveys: Surveys | undefined;
}

/** What the caller of {@link Placing.leaf} knows better. */
interface Known {
  /** The hard-link group is told already. */
  readonly settled?: boolean;
  /** The old entry is a directory without entries. */
  readonly empty?: boolean;
}

/** Writes entries into the draft of a plan, once it was decided that they are placed, and refuses those that cannot be. */
export class Placing {
  readonly #draft: Draft;
  readonly #room: Room;
  readonly #sites: Sites;
  readonly #root: OpenDirectories;
  readonly #choice: { readonly links: boolean; readonly undo: 'auto' | 'none' };
  readonly #fs: FsPort;
  /** Inodes with several names whose room is taken. */
  readonly #counted = new Set<string>();

  constructor(
    draft: Draft,
    room: Room,
    sites: Sites,
    root: OpenDirectories,
    choice: { readonly links: boolean; readonly undo: 'auto' | 'none' },
    fs: FsPort,
  ) {
    this.#draft = draft;
    this.#room = room;
    this.#sites = sites;
    this.#root = root;
    this.#choice = choice;
    this.#fs = fs;
  }

  /** A whole directory, by one rename. */
  graft(current: Current, name: Bytes, stat: Stat, old: Stat | undefined, survey: Survey, rung: Strategy): void {
    if (!this.#mayPlace(current, name, stat, old, rung)) return;
    this.#draft.skip(survey.skipped);
    for (const path of survey.sockets)
      this.#draft.warn('SOCKET_SKIPPED', `${quoted(path)} is a socket: not merged`, path);
    for (const linked of survey.linked) this.#draft.links.add(linked, 'placed');
    const made = rung.traits.staging === 'made';
    const inodes = made ? survey.entries : 0;
    this.#room.take(current.place, rung.traits.copies ? survey.allocated : 0, inodes);
    this.#draft.place(
      {
        directory: current.index,
        name,
        type: 'directory',
        action: old === undefined ? 'graft' : 'swap',
        ino: stat.ino,
        size: survey.bytes,
        entries: survey.entries,
        ...(old === undefined ? {} : { old: oldEntry(old) }),
        rung: rung.name,
        staging: rung.traits.staging,
        undo: old === undefined ? 'none' : 'exchange',
      },
      stat.mode,
    );
  }

  /** An entry that the root has with the same type: left alone when it is identical, else replaced. */
  compare(current: Current, name: Bytes, stat: Stat, old: Stat): void {
    if (current.targetDir === undefined) throw new Error('bug: nothing to compare with');
    let same: boolean;
    try {
      same = isIdentical({ image: current.imageDir, root: current.targetDir, name }, stat, old, this.#fs);
    } catch (error) {
      if (!isErrno(error)) throw error;
      this.#draft.refuse(
        'IMAGE_UNREADABLE',
        join(current.image, name),
        `cannot be compared with the root's (${error.message})`,
      );
      return;
    }
    if (!same) {
      this.leaf(current, name, stat, old);
      return;
    }
    const identical = this.#draft.leave({
      directory: current.index,
      name,
      ino: stat.ino,
      mtime: stat.mtime,
      oldMtime: old.mtime,
    });
    const touched = stat.mtime.sec !== old.mtime.sec || stat.mtime.nsec !== old.mtime.nsec;
    if (touched) {
      this.#room.take(current.place, 0, 0);
      if (old.immutable || old.appendOnly)
        this.#draft.refuse('IMMUTABLE', join(current.target, name), 'is immutable or append-only');
    }
    if (stat.nlink === 1 && old.nlink === 1) return;
    const place = (): void => {
      this.#draft.unleave(identical);
      this.leaf(current, name, stat, old, { settled: true });
    };
    this.#draft.links.add(stat, { rootKey: linkKey(old), rootNlink: old.nlink, place });
  }

  /** An entry that is no directory goes in under its own rename. */
  leaf(current: Current, name: Bytes, stat: Stat, old: Stat | undefined, known: Known = {}): void {
    const [rung] = current.ladder.rungs;
    if (rung === undefined || !this.#mayPlace(current, name, stat, old, rung)) return;
    const undo = old === undefined ? 'none' : undoKind(name, old, rung, this.#undoChoice(current));
    if (old !== undefined && undo === 'exchange' && mayRun(name, old)) {
      const path = join(current.target, name);
      this.#draft.warn(
        'PATH_MAY_SHOW',
        `a process that runs ${quoted(path)} will show its staged name: it has hard links, and none may be made`,
        path,
      );
    }
    const copied = rung.traits.copies && stat.type === 'file' && !this.#isCounted(stat) ? allocated(stat) : 0;
    const kept = undo === 'copy' && old !== undefined ? allocated(old) : 0;
    const made = rung.traits.staging === 'made' && !rung.traits.links;
    this.#room.take(current.place, copied + kept, (made ? 1 : 0) + (undo === 'copy' || undo === 'reflink' ? 1 : 0));
    this.#draft.place(
      {
        directory: current.index,
        name,
        type: stat.type,
        action: old === undefined ? 'create' : old.type === 'directory' ? 'swap' : 'replace',
        ino: stat.ino,
        size: stat.type === 'file' ? stat.size : 0,
        entries: 1,
        ...(old === undefined ? {} : { old: oldEntry(old, known.empty) }),
        rung: rung.name,
        staging: rung.traits.staging,
        undo,
      },
      stat.mode,
    );
    if (stat.nlink > 1 && known.settled !== true) this.#draft.links.add(stat, 'placed');
  }

  /** What speaks against an entry under this name; told as a problem. */
  #mayPlace(current: Current, name: Bytes, stat: Stat, old: Stat | undefined, rung: Strategy): boolean {
    const path = join(current.target, name);
    if (!this.checkDirectory(current, name)) return false;
    if (old?.mountRoot === true) return this.#refuse('MOUNT_POINT', path, 'is a mount point (EBUSY)');
    if (old !== undefined && (old.immutable || old.appendOnly)) {
      return this.#refuse('IMMUTABLE', path, 'is immutable or append-only (EPERM)');
    }
    const leaves = rung.traits.staging !== 'made' || rung.traits.links;
    if (leaves && rung.traits.staging !== 'made' && (current.stat.immutable || current.stat.appendOnly)) {
      return this.#refuse('IMMUTABLE', current.image, 'in the image is an immutable or append-only directory (EPERM)');
    }
    if (leaves && stat.mountRoot)
      return this.#refuse('MOUNT_POINT', join(current.image, name), 'in the image is a mount point (EBUSY)');
    if (leaves && (stat.immutable || stat.appendOnly)) {
      return this.#refuse('IMMUTABLE', join(current.image, name), 'in the image is immutable or append-only (EPERM)');
    }
    return true;
  }

  /** Whether the target directory can take the name at all. */
  checkDirectory(current: Current, name: Bytes): boolean {
    const path = join(current.target, name);
    if (!this.#room.holds(current.place, name))
      return this.#refuse('NAME_TOO_LONG', path, 'is longer than the file system allows (ENAMETOOLONG)');
    if (current.targetStat?.immutable === true || current.targetStat?.appendOnly === true) {
      return this.#refuse('IMMUTABLE', current.target, 'is an immutable or append-only directory (EPERM)');
    }
    return true;
  }

  /** Whether another name of the inode is counted already: its content is copied once. */
  #isCounted(stat: Stat): boolean {
    if (stat.nlink === 1 || !this.#choice.links) return false;
    const key = linkKey(stat);
    const counted = this.#counted.has(key);
    this.#counted.add(key);
    return counted;
  }

  #refuse(...problem: Parameters<Draft['refuse']>): false {
    this.#draft.refuse(...problem);
    return false;
  }

  #undoChoice({ target, place }: Current): UndoChoice {
    const reflinks = (): boolean => this.#sites.reflinksWithin(place, () => this.#root.at(target));
    return { wanted: this.#choice.undo === 'auto', links: this.#choice.links, reflinks };
  }
}

/** Bytes that a copy takes: holes take none. */
function allocated(stat: Stat): number {
  return Math.min(stat.size, stat.blocks * 512);
}

function oldEntry(old: Stat, empty = false): OldEntry {
  return { type: old.type, empty, ino: old.ino, mode: old.mode };
}
