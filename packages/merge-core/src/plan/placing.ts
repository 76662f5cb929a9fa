import {
  type DirHandle,
  type FactName,
  type FsPort,
  filesystemName,
  type Place,
  type Site,
  type Stat,
} from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { quoted } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { join } from '../paths.ts';
import { copy } from '../strategy/copy.ts';
import { cleanFact, type Ladder } from '../strategy/select.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { Admission } from './admission.ts';
import type { Draft } from './draft.ts';
import { linkKey } from './hard-links.ts';
import { isIdentical } from './identical.ts';
import type { OldEntry, UndoKind } from './model.ts';
import type { PlanRequest } from './request.ts';
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
  /** The nearest directory that the root has. */
  readonly standing: Bytes;
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
  /** Its name in the root is another one. */
  readonly as?: Bytes;
  /** The old entry is not removed but gets this name. */
  readonly oldAs?: Bytes;
}

type PlaceChoice = Pick<PlanRequest, 'links' | 'undo' | 'busy'>;

/** Writes entries into the draft of a plan, once it was decided that they are placed, and refuses those that cannot be. */
export class Placing {
  readonly #draft: Draft;
  readonly #room: Room;
  readonly #sites: Sites;
  readonly #image: OpenDirectories;
  readonly #root: OpenDirectories;
  readonly #admission: Admission;
  readonly #choice: PlaceChoice;
  readonly #fs: FsPort;
  /** Inodes with several names whose room is taken. */
  readonly #counted = new Set<string>();

  constructor(
    draft: Draft,
    room: Room,
    sites: Sites,
    trees: { readonly image: OpenDirectories; readonly root: OpenDirectories },
    admission: Admission,
    choice: PlaceChoice,
    fs: FsPort,
  ) {
    this.#draft = draft;
    this.#room = room;
    this.#sites = sites;
    this.#image = trees.image;
    this.#root = trees.root;
    this.#admission = admission;
    this.#choice = choice;
    this.#fs = fs;
  }

  /** A whole directory, by one rename. */
  graft(
    current: Current,
    name: Bytes,
    stat: Stat,
    old: Stat | undefined,
    survey: Survey,
    rung: Strategy,
    oldAs?: Bytes,
  ): void {
    if (!this.#admission.entry(current, name, stat, old, rung)) return;
    if (oldAs !== undefined && !this.#admission.directory(current, oldAs)) return;
    this.#draft.skip(survey.skipped);
    for (const path of survey.sockets)
      this.#draft.warn('SOCKET_SKIPPED', `${quoted(path)} is a socket: not merged`, path);
    for (const linked of survey.linked) this.#draft.links.add(linked, 'placed');
    const made = rung.traits.staging === 'made';
    const undo = old === undefined ? 'none' : 'exchange';
    if (!this.#admission.undo(current, name, undo)) return;
    this.#relyOn(current, rung, undo, made ? undefined : 'renameDirectory');
    if (made) this.#sites.relyOnCarrying(current.site, name, stat, survey.facts);
    const inodes = made ? survey.entries : 0;
    this.#room.take(current.place, rung.traits.copies ? survey.allocated : 0, inodes);
    this.#draft.place(
      {
        directory: current.index,
        name,
        ...(oldAs && { oldAs }),
        type: 'directory',
        action: old === undefined ? 'graft' : 'swap',
        ino: stat.ino,
        placedIno: stat.ino,
        size: survey.bytes,
        entries: survey.entries,
        ...(old === undefined ? {} : { old: oldEntry(old) }),
        rung: rung.name,
        staging: rung.traits.staging,
        undo,
      },
      stat.mode,
    );
  }

  /** An entry that the root has with the same type: left alone when it is identical, else replaced. `isKnown`: its content need not be compared. */
  compare(current: Current, name: Bytes, stat: Stat, old: Stat, isKnown: boolean): void {
    if (current.targetDir === undefined) throw new Error('bug: nothing to compare with');
    const lost = this.#admission.lost(current);
    let same: boolean;
    try {
      const pair = { image: current.imageDir, root: current.targetDir, name };
      same = isIdentical(pair, stat, old, lost, isKnown, this.#fs);
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
      this.#admission.change(join(current.target, name), old);
    }
    if ((stat.nlink === 1 && old.nlink === 1) || lost.hardlink) return;
    const place = (): void => {
      this.#draft.unleave(identical);
      // Its directories were closed since: they are opened anew, and used at once.
      const imageDir = this.#image.at(current.image);
      const targetDir = this.#root.at(current.target);
      this.leaf({ ...current, imageDir, targetDir }, name, stat, old, { settled: true });
    };
    this.#draft.links.add(stat, { rootKey: linkKey(old), rootNlink: old.nlink, place });
  }

  /** An entry that is no directory goes in under its own rename. */
  leaf(current: Current, name: Bytes, stat: Stat, old: Stat | undefined, known: Known = {}): void {
    if (old?.mountRoot === true && this.#choice.busy === 'in-place') {
      this.#overwrite(current, name, stat, old, known);
      return;
    }
    const target = known.as ?? name;
    const running = old !== undefined && mayRun(target, old);
    const rung = this.#rungFor(current, stat, running);
    if (rung === undefined || !this.#admission.entry(current, name, stat, old, rung, target)) return;
    const made = rung.traits.staging === 'made' && !rung.traits.links;
    if (made && !this.#admission.carrying(current, name, stat)) return;
    const undo = old === undefined ? 'none' : undoKind(target, old, rung, this.#undoChoice(current));
    if (!this.#admission.undo(current, target, undo)) return;
    this.#relyOn(current, rung, undo, running ? cleanFact(rung) : undefined);
    if (running && (undo === 'exchange' || current.ladder.clean === undefined)) {
      const why = undo === 'exchange' ? 'it has hard links, and none may be made' : 'no strategy here avoids it';
      this.#draft.expose(join(current.target, target), old, why);
    }
    const copied = rung.traits.copies && stat.type === 'file' && !this.#isCounted(stat) ? allocated(stat) : 0;
    const kept = undo === 'copy' && old !== undefined ? allocated(old) : 0;
    this.#room.take(current.place, copied + kept, (made ? 1 : 0) + (undo === 'copy' || undo === 'reflink' ? 1 : 0));
    this.#draft.place(
      {
        directory: current.index,
        name,
        as: known.as,
        oldAs: known.oldAs,
        type: stat.type,
        action: old === undefined ? 'create' : old.type === 'directory' ? 'swap' : 'replace',
        ino: stat.ino,
        placedIno: stat.ino,
        size: stat.type === 'file' ? stat.size : 0,
        entries: 1,
        old: old && oldEntry(old, known.empty),
        rung: rung.name,
        staging: rung.traits.staging,
        undo,
      },
      stat.mode,
    );
    if (stat.nlink > 1 && known.settled !== true) this.#draft.links.add(stat, 'placed');
  }

  /**
   * The cheapest rung that keeps the entry whole, and for what may be running the cheapest that is clean (G9).
   *
   * overlay makes a copy of its own of what its lower layer holds when that is renamed: other names of it stay with the
   * old inode, and its holes are filled. So what has either is made anew by us, who keep them.
   */
  #rungFor({ site, ladder }: Current, stat: Stat, running: boolean): Strategy | undefined {
    const [cheapest] = ladder.rungs;
    const fragile = stat.type === 'file' && (stat.nlink > 1 || allocated(stat) < stat.size);
    if (fragile && filesystemName(site.source.magic) === 'overlay')
      return ladder.rungs.find(({ traits }) => traits.staging === 'made' && !traits.links) ?? cheapest;
    return (running ? ladder.clean : undefined) ?? cheapest;
  }

  /** A mounted file is written through: see transaction/in-place.ts. */
  #overwrite(current: Current, name: Bytes, stat: Stat, old: Stat, known: Known): void {
    const path = join(current.target, name);
    if (stat.type !== 'file' || old.type !== 'file') {
      this.#draft.refuse('MOUNT_POINT', path, 'is a mount point: only a file over a file is written in place');
      return;
    }
    const { mountRoot: _, ...unmounted } = old;
    if (!this.#admission.entry(current, name, stat, { ...unmounted, mountRoot: false }, copy)) return;
    if (
      !this.#admission.carrying(current, name, stat) ||
      !this.#admission.writingThrough(current, name, allocated(stat) - allocated(old))
    )
      return;
    const kept = this.#choice.undo === 'auto';
    this.#room.take(current.place, allocated(stat) + (kept ? allocated(old) : 0), kept ? 2 : 1);
    this.#draft.warn(
      'NOT_ATOMIC',
      `${quoted(path)} is a mount point: it is written in place, and others see it half done`,
      path,
    );
    this.#draft.place(
      {
        directory: current.index,
        name,
        type: 'file',
        action: 'overwrite',
        ino: stat.ino,
        placedIno: stat.ino,
        size: stat.size,
        entries: 1,
        old: { ...oldEntry(old), ...(old.born && { born: old.born }) },
        rung: copy.name,
        staging: 'made',
        undo: kept ? 'copy' : 'none',
      },
      stat.mode,
    );
    if (stat.nlink > 1 && known.settled !== true) this.#draft.links.add(stat, 'placed');
  }

  #relyOn({ site }: Current, rung: Strategy, undo: UndoKind, more: FactName | undefined): void {
    this.#sites.countPlaced(site);
    this.#sites.relyOn(site, rung.needs ?? []);
    this.#sites.relyOn(site, undoFacts[undo]);
    if (more !== undefined) this.#sites.relyOn(site, [more]);
  }

  /** Whether another name of the inode is counted already: its content is copied once. */
  #isCounted(stat: Stat): boolean {
    if (stat.nlink === 1 || !this.#choice.links) return false;
    const key = linkKey(stat);
    const counted = this.#counted.has(key);
    this.#counted.add(key);
    return counted;
  }

  #undoChoice({ site, target, place }: Current): UndoChoice {
    return {
      wanted: this.#choice.undo === 'auto',
      links: this.#choice.links,
      linkable: this.#sites.refusal(site, 'hardLink') === undefined,
      exchanges: this.#sites.refusal(site, 'exchange') === undefined,
      reflinks: () => this.#sites.reflinksWithin(place, () => this.#root.at(target)),
    };
  }
}

const undoFacts: Readonly<Record<UndoKind, readonly FactName[]>> = {
  exchange: ['exchange'],
  link: ['hardLink'],
  none: [],
  reflink: [],
  copy: [],
};

/** Bytes that a copy takes: holes take none. */
function allocated(stat: Stat): number {
  return Math.min(stat.size, stat.blocks * 512);
}

function oldEntry(old: Stat, empty = false): OldEntry {
  return { type: old.type, empty, ino: old.ino, mode: old.mode };
}
