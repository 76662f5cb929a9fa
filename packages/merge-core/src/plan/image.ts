import { describeSite, type Place, type Site, siteKey } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { explain, quoted } from '../errors.ts';
import type { DirHandle, FsPort, Stat } from '../fs/port.ts';
import { OpenDirectories } from '../open-directories.ts';
import { HERE, join } from '../paths.ts';
import { STATE_DIRECTORY } from '../state.ts';
import type { Steps } from '../steps.ts';
import { reflinkRefusal } from '../strategy/measure.ts';
import { type Choice, type Ladder, ladderFor, movesWhole } from '../strategy/select.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { readAttributes } from './attributes-of.ts';
import { decisions } from './decide.ts';
import { Draft } from './draft.ts';
import { type Excluded, excluder } from './exclude.ts';
import { linkKey } from './hard-links.ts';
import { isIdentical } from './identical.ts';
import type { OldEntry, Plan } from './model.ts';
import { resolveLink } from './resolve.ts';
import { Room } from './room.ts';
import { type Survey, type Surveys, statDirectory, surveyTree } from './survey.ts';
import { undoKind } from './undo-kind.ts';

/** What the caller asked for, as far as planning goes. */
export interface PlanRequest extends Choice {
  readonly transaction: string;
  readonly image: Bytes;
  readonly exclude: readonly string[];
  /** Directory and non-directory may be swapped. */
  readonly replaceTypes: boolean;
  /** Directories that the root has: left as they are, or given the image's attributes. */
  readonly directories: 'keep' | 'image';
  readonly undo: 'auto' | 'none';
}

/** A directory of the image that waits to be planned. */
interface Pending {
  readonly image: Bytes;
  readonly stat: Stat;
  readonly target: Bytes;
  /** undefined: the root has no such directory, it will be made. */
  readonly targetStat: Stat | undefined;
  /** Where a directory that will be made will lie. */
  readonly place: Place;
  /** What was learned of the directories below, when the whole was looked at as a graft. */
  readonly surveys: Surveys | undefined;
}

/** The directory in hand. */
interface Current extends Pending {
  readonly index: number;
  readonly imageDir: DirHandle;
  readonly targetDir: DirHandle | undefined;
  readonly site: Site;
  readonly ladder: Ladder;
}

/**
 * Walks the image once, beside the root, and decides each entry. Reads only; every problem is collected in the
 * plan rather than thrown, so that all are told at once.
 *
 * Not guaranteed: that the trees are the same when the plan is carried out. Staging and commit do not believe it.
 */
export function* planMerge(image: DirHandle, root: DirHandle, request: PlanRequest, fs: FsPort): Steps<Plan> {
  const plan: Plan = {
    transaction: request.transaction,
    image: request.image,
    imageIno: statDirectory(image, fs).ino,
    keepImage: request.keepImage,
    exclude: request.exclude,
    directories: [],
    placements: [],
    identical: [],
    counts: { created: 0, replaced: 0, identical: 0, grafted: 0, skipped: 0 },
    bytes: 0,
    warnings: [],
    problems: [],
  };
  using rootDirectories = new OpenDirectories(fs, root);
  const planner = new Planner(plan, image, rootDirectories, request, fs);
  yield* planner.run(statDirectory(image, fs), statDirectory(root, fs), root);
  return plan;
}

class Planner {
  readonly #draft: Draft;
  readonly #image: DirHandle;
  readonly #imageIno: bigint;
  readonly #root: OpenDirectories;
  readonly #request: PlanRequest;
  readonly #fs: FsPort;
  readonly #excluded: Excluded;
  readonly #room: Room;
  readonly #pending: Pending[] = [];
  readonly #ladders = new Map<string, Ladder>();
  readonly #undoReflinks = new Map<number, boolean>();
  /** Real directories of the root that are merged into. */
  readonly #targets = new Set<Bytes>();

  constructor(plan: Plan, image: DirHandle, root: OpenDirectories, request: PlanRequest, fs: FsPort) {
    this.#draft = new Draft(plan);
    this.#image = image;
    this.#imageIno = plan.imageIno;
    this.#root = root;
    this.#request = request;
    this.#fs = fs;
    this.#excluded = excluder(request.exclude);
    this.#room = new Room(fs);
  }

  *run(imageStat: Stat, rootStat: Stat, root: DirHandle): Steps<void> {
    const place = this.#room.place(root, rootStat, HERE);
    this.#pending.push({ image: HERE, stat: imageStat, target: HERE, targetStat: rootStat, place, surveys: undefined });
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      yield 'stoppable';
      yield* this.#directory(next);
    }
    this.#draft.links.settle();
    this.#draft.findCollisions();
    this.#warnOfLinks();
    this.#room.check(this.#draft);
    this.#draft.finish();
  }

  *#directory(pending: Pending): Steps<void> {
    const { image, target, targetStat } = pending;
    const fs = this.#fs;
    const imageDir = this.#openImage(image);
    if (imageDir === undefined) return;
    let targetDir: DirHandle | undefined;
    try {
      if (targetStat?.ino === this.#imageIno && targetStat.dev === pending.stat.dev) {
        this.#draft.refuse('OVERLAPPING_TREES', target, 'in the root is the image itself');
        return;
      }
      if (targetStat !== undefined) targetDir = fs.openDir(this.#root.at(HERE), target);
      const place = targetDir === undefined || targetStat === undefined ? pending.place : this.#room.place(targetDir, targetStat, target);
      const site: Site = { source: this.#imagePlace(imageDir, pending.stat), target: place };
      const current: Current = {
        ...pending,
        place,
        imageDir,
        targetDir,
        site,
        ladder: this.#ladder(site, imageDir, targetDir),
        index: this.#addDirectory(pending, imageDir, targetDir),
      };
      const names = fs.list(imageDir).map((entry) => entry.name);
      for (const name of names.sort()) yield* this.#entry(current, name);
    } finally {
      if (targetDir !== undefined) fs.closeDir(targetDir);
      fs.closeDir(imageDir);
    }
  }

  #openImage(path: Bytes): DirHandle | undefined {
    try {
      return this.#fs.openDir(this.#image, path);
    } catch (error) {
      if (!isErrno(error)) throw error;
      this.#draft.refuse('IMAGE_UNREADABLE', path, `in the image cannot be opened (${error.code})`);
      return undefined;
    }
  }

  /** The image's file systems are asked for their type only: nothing is written there. */
  readonly #imagePlaces = new Map<number, number>();
  #imagePlace(dir: DirHandle, stat: Stat): Place {
    let magic = this.#imagePlaces.get(stat.mountId);
    if (magic === undefined) this.#imagePlaces.set(stat.mountId, (magic = this.#fs.space(dir).magic));
    return { dev: stat.dev, mountId: stat.mountId, magic };
  }

  #addDirectory({ image, target, targetStat, stat }: Pending, imageDir: DirHandle, targetDir: DirHandle | undefined): number {
    // Two directories of the image may lead to one of the root, through a symlink there: it is made once.
    const again = this.#targets.has(target);
    this.#targets.add(target);
    if (again) this.#draft.aliased.add(target);
    if (again) return this.#draft.addDirectory({ image, target, action: 'keep' });
    if (targetDir === undefined || targetStat === undefined) {
      this.#draft.countCreated();
      return this.#draft.addDirectory({ image, target, action: 'make', attributes: readAttributes(imageDir, HERE, this.#fs) });
    }
    // The image's own top directory is no entry of the package.
    const adopt = this.#request.directories === 'image' && image !== HERE && stat.type === targetStat.type;
    if (!adopt) return this.#draft.addDirectory({ image, target, action: 'keep' });
    const attributes = readAttributes(imageDir, HERE, this.#fs);
    const old = readAttributes(targetDir, HERE, this.#fs);
    return this.#draft.addDirectory({ image, target, action: 'adopt', attributes, old });
  }

  *#entry(current: Current, name: Bytes): Steps<void> {
    const path = join(current.image, name);
    if (this.#excluded(path)) {
      this.#draft.skip(1);
      return;
    }
    const stat = this.#fs.stat(current.imageDir, name);
    if (stat === undefined) return;
    if (path === STATE_DIRECTORY) {
      this.#draft.refuse('IMAGE_COLLISION', path, 'in the image has the name of the directory that a merge keeps its journal in');
      return;
    }
    const old = current.targetDir === undefined ? undefined : this.#fs.stat(current.targetDir, name);
    const decision = decisions[stat.type][old?.type ?? 'nothing'];
    switch (decision) {
      case 'skip':
        this.#draft.skip(1);
        this.#draft.warn('SOCKET_SKIPPED', `${quoted(path)} is a socket: not merged`, path);
        return;
      case 'make':
        return yield* this.#newDirectory(current, name, stat, undefined);
      case 'enter':
        if (old !== undefined) this.#enter(path, stat, join(current.target, name), old, current.place);
        return;
      case 'through':
        return yield* this.#through(current, name, stat, old);
      case 'create':
        this.#leaf(current, name, stat, undefined);
        return;
      case 'compare':
        this.#compare(current, name, stat, old);
        return;
      case 'replace':
        this.#leaf(current, name, stat, old);
        return;
      case 'displace':
        if (this.#request.replaceTypes || (old !== undefined && this.#isEmpty(current, name))) this.#leaf(current, name, stat, old);
        else this.#conflict(current, name, stat, 'a directory with entries');
        return;
      case 'conflict':
        if (this.#request.replaceTypes) yield* this.#newDirectory(current, name, stat, old);
        else this.#conflict(current, name, stat, `a ${old?.type}`);
        return;
      default:
        decision satisfies never;
    }
  }

  #conflict(current: Current, name: Bytes, stat: Stat, what: string): void {
    const article = stat.type === 'directory' ? 'a directory' : `a ${stat.type}`;
    this.#draft.refuse('TYPE_CONFLICT', join(current.target, name), `is ${article} in the image and ${what} in the root`);
  }

  #isEmpty(current: Current, name: Bytes): boolean {
    if (current.targetDir === undefined) return true;
    const dir = this.#fs.openDir(current.targetDir, name);
    try {
      return this.#fs.list(dir).length === 0;
    } finally {
      this.#fs.closeDir(dir);
    }
  }

  #enter(image: Bytes, stat: Stat, target: Bytes, targetStat: Stat, place: Place): void {
    this.#pending.push({ image, stat, target, targetStat, place, surveys: undefined });
  }

  /** A directory over a symlink: merged into where it leads, when that is a directory of the root. */
  *#through(current: Current, name: Bytes, stat: Stat, old: Stat | undefined): Steps<void> {
    const resolved = resolveLink(current.target, name, this.#fs, this.#root);
    if ('code' in resolved) {
      this.#draft.refuse(resolved.code, resolved.path, resolved.message.slice(quoted(resolved.path).length + 1));
    } else if (resolved.stat?.type === 'directory') {
      this.#enter(join(current.image, name), stat, resolved.path, resolved.stat, current.place);
    } else if (this.#request.replaceTypes) {
      yield* this.#newDirectory(current, name, stat, old);
    } else {
      this.#conflict(current, name, stat, 'a symlink that leads to no directory');
    }
  }

  /** A directory that the root has not (or has something else for): a graft where it can be, else made and filled. */
  *#newDirectory(current: Current, name: Bytes, stat: Stat, old: Stat | undefined): Steps<void> {
    const image = join(current.image, name);
    let surveys = current.surveys;
    if (surveys?.has(image) !== true) {
      try {
        surveys = yield* surveyTree(this.#image, image, stat, this.#excluded, this.#fs);
      } catch (error) {
        if (!isErrno(error)) throw error;
        this.#draft.refuse('IMAGE_UNREADABLE', image, `in the image cannot be read (${error.message})`);
        return;
      }
    }
    const survey = surveys?.get(image);
    if (survey === undefined) throw new Error('bug: a directory without its survey');
    // Where the top itself is a mount point nothing can rename it; below another mount is another site.
    const boundary = stat.mountId !== current.stat.mountId || stat.dev !== current.stat.dev || survey.crosses !== undefined;
    const fits = (strategy: Strategy): boolean =>
      strategy.traits.staging === 'made' || (movesWhole(strategy, current.site) && survey.stays === undefined);
    const [first] = current.ladder.rungs;
    const rung = boundary ? undefined : old === undefined ? (first && fits(first) ? first : undefined) : current.ladder.rungs.find(fits);
    if (rung !== undefined) {
      this.#graft(current, name, stat, old, survey, rung);
    } else if (old === undefined) {
      this.#checkDirectory(current, name);
      this.#room.take(current.place, 4096, 1);
      this.#pending.push({ image, stat, target: join(current.target, name), targetStat: undefined, place: current.place, surveys });
    } else {
      const why = survey.stays ?? survey.crosses ?? image;
      this.#draft.refuse('TYPE_CONFLICT', join(current.target, name), `cannot be swapped as a whole: ${quoted(why)} stays behind`);
    }
  }

  #graft(current: Current, name: Bytes, stat: Stat, old: Stat | undefined, survey: Survey, rung: Strategy): void {
    if (!this.#mayPlace(current, name, stat, old, rung)) return;
    this.#draft.skip(survey.skipped);
    for (const path of survey.sockets) this.#draft.warn('SOCKET_SKIPPED', `${quoted(path)} is a socket: not merged`, path);
    for (const linked of survey.linked) this.#draft.links.add(linked, 'placed');
    const made = rung.traits.staging === 'made';
    const inodes = made ? survey.entries : 0;
    this.#room.take(current.place, rung.traits.copies ? survey.bytes + survey.entries * 2048 : 0, inodes);
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
        inImage: rung.traits.staging === 'in-image',
        undo: old === undefined ? 'none' : 'exchange',
      },
      stat.mode,
    );
  }

  #compare(current: Current, name: Bytes, stat: Stat, old: Stat | undefined): void {
    if (old === undefined || current.targetDir === undefined) throw new Error('bug: nothing to compare with');
    let same: boolean;
    try {
      same = isIdentical({ image: current.imageDir, root: current.targetDir, name }, stat, old, this.#fs);
    } catch (error) {
      if (!isErrno(error)) throw error;
      this.#draft.refuse('IMAGE_UNREADABLE', join(current.image, name), `cannot be compared with the root's (${error.message})`);
      return;
    }
    if (!same) {
      this.#leaf(current, name, stat, old);
      return;
    }
    const identical = this.#draft.leave({ directory: current.index, name, ino: stat.ino, mtime: stat.mtime, oldMtime: old.mtime });
    const touched = stat.mtime.sec !== old.mtime.sec || stat.mtime.nsec !== old.mtime.nsec;
    if (touched) {
      this.#room.take(current.place, 0, 0);
      if (old.immutable || old.appendOnly) this.#draft.refuse('IMMUTABLE', join(current.target, name), 'is immutable or append-only');
    }
    if (stat.nlink === 1 && old.nlink === 1) return;
    const place = (): void => {
      this.#draft.unleave(identical);
      this.#leaf(current, name, stat, old, true);
    };
    this.#draft.links.add(stat, { rootKey: linkKey(old), rootNlink: old.nlink, place });
  }

  /** An entry that is no directory goes in under its own rename. */
  #leaf(current: Current, name: Bytes, stat: Stat, old: Stat | undefined, settled = false): void {
    const [rung] = current.ladder.rungs;
    if (rung === undefined || !this.#mayPlace(current, name, stat, old, rung)) return;
    const undo = old === undefined ? 'none' : undoKind(name, old, rung, this.#undoChoice(current));
    if (old !== undefined && undo === 'none') {
      this.#draft.warn('NO_UNDO', `${quoted(join(current.target, name))} is replaced without undo`);
    }
    const copied = rung.traits.copies && stat.type === 'file' ? stat.size : 0;
    const kept = undo === 'copy' && old !== undefined ? old.size : 0;
    const made = rung.traits.staging === 'made' && !rung.traits.links;
    this.#room.take(current.place, copied + kept, (made ? 1 : 0) + (undo === 'copy' || undo === 'reflink' ? 1 : 0));
    this.#draft.place({
      directory: current.index,
      name,
      type: stat.type,
      action: old === undefined ? 'create' : old.type === 'directory' ? 'swap' : 'replace',
      ino: stat.ino,
      size: stat.type === 'file' ? stat.size : 0,
      entries: 1,
      ...(old === undefined ? {} : { old: oldEntry(old) }),
      rung: rung.name,
      inImage: rung.traits.staging === 'in-image',
      undo,
    }, stat.mode);
    if (stat.nlink > 1 && !settled) this.#draft.links.add(stat, 'placed');
  }

  /** What speaks against an entry under this name; told as a problem. */
  #mayPlace(current: Current, name: Bytes, stat: Stat, old: Stat | undefined, rung: Strategy): boolean {
    const path = join(current.target, name);
    if (!this.#checkDirectory(current, name)) return false;
    if (old?.mountRoot === true) return this.#refuse('MOUNT_POINT', path, 'is a mount point (EBUSY)');
    if (old !== undefined && (old.immutable || old.appendOnly)) {
      return this.#refuse('IMMUTABLE', path, 'is immutable or append-only (EPERM)');
    }
    const leaves = rung.traits.staging !== 'made' || rung.traits.links;
    if (leaves && stat.mountRoot) return this.#refuse('MOUNT_POINT', join(current.image, name), 'in the image is a mount point (EBUSY)');
    if (leaves && (stat.immutable || stat.appendOnly)) {
      return this.#refuse('IMMUTABLE', join(current.image, name), 'in the image is immutable or append-only (EPERM)');
    }
    return true;
  }

  /** Whether the target directory can take the name at all. */
  #checkDirectory(current: Current, name: Bytes): boolean {
    const path = join(current.target, name);
    if (!this.#room.holds(current.place, name)) return this.#refuse('NAME_TOO_LONG', path, 'is longer than the file system allows (ENAMETOOLONG)');
    if (current.targetStat?.immutable === true || current.targetStat?.appendOnly === true) {
      return this.#refuse('IMMUTABLE', current.target, 'is an immutable or append-only directory (EPERM)');
    }
    return true;
  }

  #refuse(...problem: Parameters<Draft['refuse']>): false {
    this.#draft.refuse(...problem);
    return false;
  }

  #ladder(site: Site, imageDir: DirHandle, targetDir: DirHandle | undefined): Ladder {
    const key = siteKey(site);
    let ladder = this.#ladders.get(key);
    if (ladder === undefined) {
      const reflinks = () => (targetDir === undefined ? undefined : reflinkRefusal(imageDir, targetDir, this.#fs));
      ladder = ladderFor(site, this.#request, reflinks);
      this.#ladders.set(key, ladder);
      if (ladder.rungs.length === 0) {
        const why = [...ladder.refused].map(([name, errno]) => `\`${name}\` gives ${errno}`).join(', ');
        this.#draft.refuse('STRATEGY_IMPOSSIBLE', this.#request.image, `cannot be merged from there (${describeSite(site)}): ${why}`);
      }
    }
    return ladder;
  }

  #undoChoice(current: Current): Parameters<typeof undoKind>[3] {
    const { target, place } = current;
    const reflinks = (): boolean => {
      let works = this.#undoReflinks.get(place.mountId);
      if (works === undefined) {
        const dir = this.#root.at(target);
        works = reflinkRefusal(dir, dir, this.#fs) === undefined;
        this.#undoReflinks.set(place.mountId, works);
      }
      return works;
    };
    return { wanted: this.#request.undo === 'auto', links: this.#request.links, reflinks };
  }

  #warnOfLinks(): void {
    const { linkedElsewhere, shared } = this.#draft.links;
    if (linkedElsewhere > 0) {
      this.#draft.warn('IMAGE_LINKED_ELSEWHERE', `${linkedElsewhere} files of the image have hard links outside of what is merged`);
    }
    const copies = [...this.#ladders.values()].some(({ rungs }) => rungs[0]?.traits.staging === 'made');
    if (shared > 0 && copies && !this.#request.links) {
      this.#draft.warn('HARDLINKS_SPLIT', `${shared} hard-link groups become separate files: \`--no-hardlink\` forbids link(2)`);
    }
  }
}

function oldEntry(old: Stat): OldEntry {
  return { type: old.type, ino: old.ino, mode: old.mode };
}

/** A failure to read either tree while planning, said as such. */
export function planFailure(error: unknown): unknown {
  return explain(error, 'IMAGE_UNREADABLE', 'cannot read the trees');
}
