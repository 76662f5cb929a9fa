import type { DirHandle, FsPort, Place, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { quoted } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { join } from '../paths.ts';
import { STATE_DIRECTORY } from '../state.ts';
import type { Steps } from '../steps.ts';
import type { Admission } from './admission.ts';
import { decisions } from './decide.ts';
import type { Draft } from './draft.ts';
import type { Excluded } from './exclude.ts';
import { findObstacle } from './obstacle.ts';
import type { Current, Placing } from './placing.ts';
import type { PlanRequest } from './request.ts';
import { resolveLink } from './resolve.ts';
import type { Room } from './room.ts';
import type { GivingWay, Judgement, Ruling } from './ruling.ts';
import type { Sites } from './sites.ts';
import { type Surveys, surveyTree } from './survey.ts';
import { wholeBy } from './whole.ts';

/** A directory of the image that waits to be planned. */
export interface Pending {
  readonly image: Bytes;
  readonly stat: Stat;
  readonly target: Bytes;
  /** undefined: the root has no such directory, it will be made. */
  readonly targetStat: Stat | undefined;
  /** Where a directory that will be made will lie. */
  readonly place: Place;
  /** The nearest directory that the root has: the target itself, or one above. */
  readonly standing: Bytes;
  /** What was learned of the directories below, when the whole was looked at as a graft. */
  readonly surveys: Surveys | undefined;
}

/** What one planning run shares. */
export interface Planning {
  readonly draft: Draft;
  readonly image: DirHandle;
  readonly root: OpenDirectories;
  readonly request: PlanRequest;
  readonly fs: FsPort;
  readonly excluded: Excluded;
  readonly room: Room;
  readonly sites: Sites;
  readonly admission: Admission;
  readonly placing: Placing;
  readonly ruling: Ruling;
  /** Directories of the root in which nothing goes in as a whole. */
  readonly shared: ReadonlySet<Bytes>;
  /** Whether a directory is the root itself. */
  readonly isRoot: (stat: Stat) => boolean;
  /** Puts a directory on the list of those that are planned entry by entry. */
  readonly enter: (pending: Pending) => void;
}

/** What becomes of each entry of a directory that is merged entry by entry. */
export class EntryPlanner {
  readonly #to: Planning;

  constructor(planning: Planning) {
    this.#to = planning;
  }

  /** Decides one entry of a directory, by the table in decide.ts. */
  *plan(current: Current, name: Bytes): Steps<void> {
    const path = join(current.image, name);
    if (this.#to.excluded(path)) {
      this.#to.draft.skip(1);
      return;
    }
    const stat = this.#to.fs.stat(current.imageDir, name);
    if (stat === undefined) return;
    const target = join(current.target, name);
    if (target === STATE_DIRECTORY || this.#to.ruling.isReserved(target)) {
      const whose =
        target === STATE_DIRECTORY ? 'the directory that a merge keeps its journal in' : 'what the ledger writes';
      this.#to.draft.refuse('IMAGE_COLLISION', path, `in the image has the name of ${whose}`);
      return;
    }
    const old = this.#oldEntry(current, name);
    if (old === 'unknown') return;
    if (stat.type !== 'directory' && stat.type !== 'socket') {
      const judged = this.#to.ruling.judge(current, name, stat, old);
      if (judged !== 'merge') return this.#protect(current, name, stat, judged);
    }
    const decision = decisions[stat.type][old?.type ?? 'nothing'];
    switch (decision) {
      case 'skip':
        this.#to.draft.skip(1);
        this.#to.draft.warn('SOCKET_SKIPPED', `${quoted(path)} is a socket: not merged`, path);
        return;
      case 'make':
        return yield* this.#newDirectory(current, name, stat, undefined);
      case 'enter':
        if (old !== undefined) this.#enter(path, stat, join(current.target, name), old, current.place);
        return;
      case 'through':
        return yield* this.#through(current, name, stat, old);
      case 'create':
        this.#to.placing.leaf(current, name, stat, undefined);
        return;
      case 'compare':
        if (old !== undefined)
          this.#to.placing.compare(current, name, stat, old, this.#to.ruling.isKnown(current, name, old));
        return;
      case 'replace':
        this.#to.placing.leaf(current, name, stat, old);
        return;
      case 'displace':
        if (old !== undefined) this.#displace(current, name, stat, old);
        return;
      case 'conflict':
        return yield* this.#swap(current, name, stat, old, `a ${old?.type}`);
      default:
        decision satisfies never;
    }
  }

  /** The root's own entry is protected: the new one goes beside it, or stays in the image. */
  #protect(current: Current, name: Bytes, stat: Stat, judged: Exclude<Judgement, 'merge'>): void {
    const path = join(current.target, name);
    if (judged === 'leave') {
      this.#to.draft.skip(1);
      this.#to.draft.protect(path, undefined);
      return;
    }
    const old = this.#oldEntry(current, judged.as);
    if (old === 'unknown') return;
    this.#to.placing.leaf(current, name, stat, old, { as: judged.as });
    this.#to.draft.protect(path, judged.as);
  }

  /** What the root has under a name. A name that its file system cannot even look up is refused here. */
  #oldEntry({ target, targetDir }: Current, name: Bytes): Stat | undefined | 'unknown' {
    if (targetDir === undefined) return undefined;
    try {
      return this.#to.fs.stat(targetDir, name);
    } catch (error) {
      // A name that is none there (vfat): the fact that says so refuses it, with all else that would be lost.
      if (isErrno(error, 'EINVAL', 'EILSEQ')) return undefined;
      if (!isErrno(error, 'ENAMETOOLONG')) throw error;
      this.#to.draft.refuse(
        'NAME_TOO_LONG',
        join(target, name),
        'is longer than the file system allows (ENAMETOOLONG)',
      );
      return 'unknown';
    }
  }

  #conflict(current: Current, name: Bytes, stat: Stat, what: string): void {
    const article = stat.type === 'directory' ? 'a directory' : `a ${stat.type}`;
    this.#to.draft.refuse(
      'TYPE_CONFLICT',
      join(current.target, name),
      `is ${article} in the image and ${what} in the root`,
    );
  }

  /** A directory of the root gives way: an empty one, or any when types may be replaced and nothing in it must stay. */
  #displace(current: Current, name: Bytes, stat: Stat, old: Stat): void {
    const empty = this.#isEmpty(current, name);
    const way = empty ? 'goes' : this.#givesWay(current, name, old);
    if (way === 'stays') {
      this.#conflict(current, name, stat, 'a directory with entries');
      return;
    }
    const obstacle = empty ? undefined : findObstacle(this.#to.root, join(current.target, name), this.#to.fs);
    if (obstacle === undefined)
      this.#to.placing.leaf(current, name, stat, old, { empty, ...(typeof way === 'object' && { oldAs: way.aside }) });
    else this.#to.draft.refuse(obstacle.code, obstacle.path, `${obstacle.what}, and its directory would be replaced`);
  }

  #givesWay(current: Current, name: Bytes, old: Stat): GivingWay {
    return this.#to.request.replaceTypes ? 'goes' : this.#to.ruling.givesWay(current, name, old);
  }

  #isEmpty(current: Current, name: Bytes): boolean {
    if (current.targetDir === undefined) return true;
    const dir = this.#to.fs.openDir(current.targetDir, name);
    try {
      return this.#to.fs.list(dir).length === 0;
    } finally {
      this.#to.fs.closeDir(dir);
    }
  }

  #enter(image: Bytes, stat: Stat, target: Bytes, targetStat: Stat, place: Place): void {
    this.#to.enter({ image, stat, target, targetStat, standing: target, place, surveys: undefined });
  }

  /** A directory over a symlink: merged into where it leads, when that is a directory of the root. */
  *#through(current: Current, name: Bytes, stat: Stat, old: Stat | undefined): Steps<void> {
    const resolved = resolveLink(current.target, name, this.#to.fs, this.#to.root);
    if ('code' in resolved) {
      this.#to.draft.refuse(resolved.code, resolved.path, resolved.message.slice(quoted(resolved.path).length + 1));
    } else if (resolved.stat?.type === 'directory') {
      this.#to.draft.through.add(join(current.target, name));
      this.#enter(join(current.image, name), stat, resolved.path, resolved.stat, current.place);
    } else {
      yield* this.#swap(current, name, stat, old, 'a symlink that leads to no directory');
    }
  }

  /** A directory in the place of something else, when that may give way. */
  *#swap(current: Current, name: Bytes, stat: Stat, old: Stat | undefined, what: string): Steps<void> {
    const way = old === undefined ? 'goes' : this.#givesWay(current, name, old);
    if (way === 'stays') this.#conflict(current, name, stat, what);
    else yield* this.#newDirectory(current, name, stat, old, typeof way === 'object' ? way.aside : undefined);
  }

  /** A directory that the root has not (or has something else for): a graft where it can be, else made and filled. */
  *#newDirectory(current: Current, name: Bytes, stat: Stat, old: Stat | undefined, oldAs?: Bytes): Steps<void> {
    const image = join(current.image, name);
    const target = join(current.target, name);
    const surveys = yield* this.#surveys(current, image, stat);
    const survey = surveys?.get(image);
    if (survey === undefined) return;
    const enters = old === undefined && (this.#to.shared.has(current.target) || this.#to.ruling.looksInto(target));
    const rung = enters ? undefined : wholeBy(current, stat, survey, old !== undefined, this.#to.sites);
    if (rung !== undefined) {
      this.#to.placing.graft(current, name, stat, old, survey, rung, oldAs);
      if (oldAs !== undefined) this.#to.draft.protect(target, oldAs);
    } else if (old !== undefined) {
      const why = survey.stays ?? survey.crosses ?? image;
      this.#to.draft.refuse('TYPE_CONFLICT', target, `cannot be swapped as a whole: ${quoted(why)} stays behind`);
    } else if (this.#to.admission.directory(current, name)) {
      this.#to.room.take(current.place, 0, 1);
      const { standing, place } = current;
      this.#to.enter({ image, stat, target, targetStat: undefined, standing, place, surveys });
    }
  }

  *#surveys(current: Current, image: Bytes, stat: Stat): Steps<Surveys | undefined> {
    if (current.surveys?.has(image) === true) return current.surveys;
    try {
      const reads = this.#to.fs.uid !== 0 && current.ladder.rungs[0]?.traits.copies === true;
      const refuse = reads ? this.#refuseUnreadable : undefined;
      const isRoot = (found: Stat): boolean => this.#to.isRoot(found);
      return yield* surveyTree(this.#to.image, image, stat, this.#to.excluded, isRoot, refuse, this.#to.fs);
    } catch (error) {
      if (!isErrno(error)) throw error;
      this.#to.draft.refuse('IMAGE_UNREADABLE', image, `in the image cannot be read (${error.message})`);
      return undefined;
    }
  }

  readonly #refuseUnreadable = (path: Bytes, why: string): void =>
    this.#to.draft.refuse('IMAGE_UNREADABLE', path, `in the image cannot be read (${why})`);
}
