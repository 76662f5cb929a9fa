import type { FsPort, Place, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, join, splitPath } from '../paths.ts';
import { RECORD } from '../transaction/transaction.ts';
import type { Draft } from './draft.ts';
import type { Attributes, PlannedRecord, Removal, UndoKind } from './model.ts';
import type { PlanRequest } from './request.ts';
import type { Room } from './room.ts';
import type { Sites } from './sites.ts';
import { mayRun } from './undo-kind.ts';

/** Mode of directories that the ledger needs and the root has not. */
const DIRECTORY_MODE = 0o755;

type AdditionChoice = Pick<PlanRequest, 'links' | 'undo' | 'rootTime'>;

/** A directory of the root in which something is planned. */
interface Standing {
  readonly index: number;
  readonly path: Bytes;
  /** undefined: it will be made. */
  readonly stat: Stat | undefined;
  readonly place: Place;
}

/** What is planned beside the image: names that go, and what the ledger writes. All paths lie below the root and lead through real directories. */
export class Additions {
  readonly #draft: Draft;
  readonly #room: Room;
  readonly #sites: Sites;
  readonly #root: OpenDirectories;
  readonly #choice: AdditionChoice;
  readonly #fs: FsPort;
  readonly #places = new Map<Bytes, Standing>();
  readonly #dropped = new Set<Bytes>();
  readonly #removed = new Set<Bytes>();

  constructor(draft: Draft, room: Room, sites: Sites, root: OpenDirectories, choice: AdditionChoice, fs: FsPort) {
    this.#draft = draft;
    this.#room = room;
    this.#sites = sites;
    this.#root = root;
    this.#choice = choice;
    this.#fs = fs;
  }

  /** Directories go in the end, if nothing is in them then. To be said of all of them at once, and before what is removed in them. */
  drop(paths: Iterable<Bytes>): void {
    // One that the image has too stays.
    const dropped = Array.from(paths).filter((path) => path !== HERE && this.#draft.directoryAt(path) === undefined);
    for (const path of dropped) this.#dropped.add(path);
    for (const path of dropped) this.#at(path);
  }

  /** A name goes, a directory with all that is in it. @param seen its entry, where somebody looked at it for this plan */
  remove(path: Bytes, seen?: Stat): void {
    if (this.#removed.has(path)) return;
    this.#removed.add(path);
    const { parent, name } = splitPath(path);
    const at = this.#at(parent);
    const old = at.stat === undefined ? undefined : (seen ?? this.#fs.stat(this.#root.at(parent), name));
    if (old === undefined || !this.#mayRemove(at, path, old)) return;
    const undo = this.#keptBy(at, name, old);
    if (undo === 'link') this.#sites.relyOn({ source: at.place, target: at.place }, ['hardLink']);
    if (undo === 'move' && mayRun(name, old)) this.#draft.expose(path, old, 'it has hard links, and none may be made');
    const makes = undo === 'copy' || undo === 'reflink';
    this.#room.take(at.place, undo === 'copy' ? Math.min(old.size, old.blocks * 512) : 0, makes ? 1 : 0);
    this.#draft.remove({
      directory: at.index,
      name,
      old: { type: old.type, empty: false, ino: old.ino, mode: old.mode },
      undo,
    });
  }

  /**
   * A file or directory that the ledger writes, over what is there.
   * @param stagedAs a name that other programs know, instead of one of ours
   */
  record(record: PlannedRecord, stagedAs?: Bytes): void {
    const { parent, name } = splitPath(record.path);
    const at = this.#at(parent);
    const old = at.stat === undefined ? undefined : this.#fs.stat(this.#root.at(parent), name);
    const type = record.files === undefined ? 'file' : 'directory';
    if (old !== undefined && (!this.#mayRemove(at, record.path, old) || !this.#isReplaceable(record.path, type, old)))
      return;
    const undo = old === undefined ? 'none' : this.#undoOf(at, old);
    if (undo === 'exchange') this.#sites.relyOn({ source: at.place, target: at.place }, ['exchange']);
    if (undo === 'link') this.#sites.relyOn({ source: at.place, target: at.place }, ['hardLink']);
    this.#room.take(at.place, 0, 2);
    this.#draft.record(record, {
      directory: at.index,
      name,
      ...(stagedAs && { stagedAs }),
      type,
      action: old === undefined ? 'create' : type === 'directory' ? 'swap' : 'replace',
      ino: 0n,
      placedIno: 0n,
      size: 0,
      entries: 1,
      ...(old && { old: { type: old.type, empty: false, ino: old.ino, mode: old.mode } }),
      rung: RECORD,
      staging: 'made',
      undo,
    });
  }

  /** The root has the directory `path`, whose time becomes now: others tell by it that something below has changed. */
  touch(path: Bytes): void {
    const { parent, name } = splitPath(path);
    const at = this.#at(parent);
    const old = at.stat === undefined ? undefined : this.#fs.stat(this.#root.at(parent), name);
    if (old !== undefined)
      this.#draft.touch({ directory: at.index, name, ino: old.ino, mtime: now(), oldMtime: old.mtime });
  }

  #isReplaceable(path: Bytes, type: 'file' | 'directory', old: Stat): boolean {
    if ((type === 'directory') === (old.type === 'directory') && old.type !== 'symlink') return true;
    this.#draft.refuse('TYPE_CONFLICT', path, `is a ${old.type} in the root, where the ledger keeps a ${type}`);
    return false;
  }

  #mayRemove(at: Standing, path: Bytes, old: Stat): boolean {
    const refuse = (...problem: Parameters<Draft['refuse']>): false => {
      this.#draft.refuse(...problem);
      return false;
    };
    if (old.mountRoot) return refuse('MOUNT_POINT', path, 'is a mount point (EBUSY)');
    if (old.immutable || old.appendOnly) return refuse('IMMUTABLE', path, 'is immutable or append-only (EPERM)');
    if (at.stat?.immutable === true || at.stat?.appendOnly === true)
      return refuse('IMMUTABLE', at.path, 'is an immutable or append-only directory (EPERM)');
    const inside = old.type === 'directory' ? this.#stuckIn(path) : undefined;
    if (inside !== undefined) return refuse(...inside);
    if (this.#fs.uid === 0) return true;
    if (!this.#fs.mayWrite(this.#root.at(at.path), HERE))
      return refuse('PERMISSION', at.path, 'may not be written by this user (EACCES)');
    const sticky = ((at.stat?.mode ?? 0) & 0o1000) !== 0;
    if (sticky && old.uid !== this.#fs.uid && at.stat?.uid !== this.#fs.uid)
      return refuse('PERMISSION', path, 'belongs to somebody else, in a sticky directory (EPERM)');
    return true;
  }

  /** What would stay of a directory that goes with all that is in it: found when its names are removed, the merge could not be ended. */
  #stuckIn(top: Bytes): Parameters<Draft['refuse']> | undefined {
    const pending = [top];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const dir = this.#root.at(path);
      for (const { name } of this.#fs.list(dir)) {
        const stat = this.#fs.stat(dir, name);
        const entry = join(path, name);
        if (stat?.mountRoot) return ['MOUNT_POINT', entry, 'is a mount point (EBUSY)'];
        if (stat?.immutable || stat?.appendOnly) return ['IMMUTABLE', entry, 'is immutable or append-only (EPERM)'];
        if (stat?.type === 'directory') pending.push(entry);
      }
    }
    return undefined;
  }

  /** A program or library that is moved aside would show the name it has there to whoever runs it (G9). */
  #keptBy({ place, path }: Standing, name: Bytes, old: Stat): Removal['undo'] {
    if (old.type === 'directory') return 'move';
    if (this.#choice.undo === 'none') return 'none';
    if (!mayRun(name, old)) return 'move';
    if (this.#choice.links && this.#works(place, 'hardLink')) return 'link';
    // A copy could bring the content back, but not the other names of the inode.
    if (old.nlink > 1) return 'move';
    return this.#sites.reflinksWithin(place, () => this.#root.at(path)) ? 'reflink' : 'copy';
  }

  #undoOf({ place }: Standing, old: Stat): UndoKind {
    if (old.type === 'directory') return 'exchange';
    if (this.#choice.undo === 'none') return 'none';
    if (this.#works(place, 'exchange')) return 'exchange';
    return this.#choice.links && this.#works(place, 'hardLink') ? 'link' : 'copy';
  }

  #works(place: Place, fact: 'exchange' | 'hardLink'): boolean {
    return this.#sites.refusal({ source: place, target: place }, fact) === undefined;
  }

  /** A directory of the plan, planned now if nothing was planned in it before; one that the root has not is made. */
  #at(path: Bytes): Standing {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    const above = path === HERE ? undefined : splitPath(path);
    const parent = above && this.#at(above.parent);
    let stat =
      above === undefined || parent === undefined
        ? this.#fs.stat(this.#root.at(HERE), HERE)
        : parent.stat && this.#fs.stat(this.#root.at(parent.path), above.name);
    if (stat !== undefined && stat.type !== 'directory') {
      this.#draft.refuse('TYPE_CONFLICT', path, `is a ${stat.type} in the root, where the ledger keeps a directory`);
      stat = undefined;
    }
    const index = this.#draft.directoryAt(path) ?? this.#draft.addDirectory(this.#planned(path, stat));
    const place = stat === undefined && parent !== undefined ? parent.place : this.#placeOf(path, stat);
    const at: Standing = { index, path, stat, place };
    this.#places.set(path, at);
    return at;
  }

  #placeOf(path: Bytes, stat: Stat | undefined): Place {
    if (stat === undefined) throw new Error('bug: the root has no stat');
    const dir = this.#root.at(path);
    const place = this.#room.place(dir, stat, path);
    this.#sites.within(place, path);
    return place;
  }

  #planned(path: Bytes, stat: Stat | undefined): Parameters<Draft['addDirectory']>[0] {
    if (stat === undefined) return { image: undefined, target: path, action: 'make', attributes: this.#ours() };
    const action = this.#dropped.has(path) ? 'drop' : 'keep';
    return {
      image: undefined,
      target: path,
      action,
      oldMtime: (path === HERE ? this.#choice.rootTime : undefined) ?? stat.mtime,
    };
  }

  #ours(): Attributes {
    return { uid: this.#fs.uid, gid: this.#fs.gids[0] ?? 0, mode: DIRECTORY_MODE, mtime: now(), xattrs: new Map() };
  }
}

function now() {
  const ms = Date.now();
  return { sec: Math.floor(ms / 1000), nsec: (ms % 1000) * 1_000_000 };
}
