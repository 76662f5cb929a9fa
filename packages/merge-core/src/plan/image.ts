import type { Place, Site } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { quoted } from '../errors.ts';
import type { DirHandle, FsPort, Stat } from '../fs/port.ts';
import { identityOf } from '../identity.ts';
import { OpenDirectories } from '../open-directories.ts';
import { HERE, join } from '../paths.ts';
import { STATE_DIRECTORY } from '../state.ts';
import type { Steps } from '../steps.ts';
import { readAttributes } from './attributes-of.ts';
import { decisions } from './decide.ts';
import { Draft } from './draft.ts';
import { type Excluded, excluder } from './exclude.ts';
import type { Plan } from './model.ts';
import { findObstacle } from './obstacle.ts';
import { type Current, Placing } from './placing.ts';
import { emptyPlan, type PlanRequest } from './request.ts';
import { resolveLink } from './resolve.ts';
import { Room } from './room.ts';
import { Sites } from './sites.ts';
import { type Surveys, statDirectory, surveyTree } from './survey.ts';
import { wholeBy } from './whole.ts';

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

/**
 * Walks the image once, beside the root, and decides each entry. Reads only; every problem is collected in the
 * plan rather than thrown, so that all are told at once.
 *
 * Not guaranteed: that the trees are the same when the plan is carried out. Staging and commit do not believe it.
 */
export function* planMerge(image: DirHandle, root: DirHandle, request: PlanRequest, fs: FsPort): Steps<Plan> {
  using rootDirectories = new OpenDirectories(fs, root);
  // Directories of the root that two of the image lead to, through a symlink there (merged /usr): known when all was
  // seen. A graft in one of them would keep the other's entries out, so then it is planned once more without.
  const shared = new Set<Bytes>();
  for (;;) {
    const plan = emptyPlan(request, identityOf(statDirectory(image, fs)));
    const planner = new Planner(plan, image, rootDirectories, request, shared, fs);
    yield* planner.run(statDirectory(image, fs), statDirectory(root, fs), root);
    const found = [...planner.aliased].filter((path) => !shared.has(path));
    if (found.length === 0 || !plan.problems.some(({ code }) => code === 'IMAGE_COLLISION')) return plan;
    for (const path of found) shared.add(path);
  }
}

class Planner {
  readonly #draft: Draft;
  readonly #image: DirHandle;
  readonly #plan: Plan;
  readonly #root: OpenDirectories;
  readonly #request: PlanRequest;
  readonly #fs: FsPort;
  readonly #excluded: Excluded;
  readonly #room: Room;
  /** Directories of the root in which nothing goes in as a whole. */
  readonly #shared: ReadonlySet<Bytes>;
  #rootId = '';
  readonly #pending: Pending[] = [];
  readonly #sites: Sites;
  readonly #placing: Placing;
  /** Real directories of the root that are merged into. */
  readonly #targets = new Set<Bytes>();

  constructor(
    plan: Plan,
    image: DirHandle,
    root: OpenDirectories,
    request: PlanRequest,
    shared: ReadonlySet<Bytes>,
    fs: FsPort,
  ) {
    this.#shared = shared;
    this.#draft = new Draft(plan);
    this.#image = image;
    this.#plan = plan;
    this.#root = root;
    this.#request = request;
    this.#fs = fs;
    this.#excluded = excluder(request.exclude);
    this.#room = new Room(fs);
    this.#sites = new Sites(request, fs);
    this.#placing = new Placing(this.#draft, this.#room, this.#sites, root, request, fs);
  }

  get aliased(): ReadonlySet<Bytes> {
    return this.#draft.aliased;
  }

  *run(imageStat: Stat, rootStat: Stat, root: DirHandle): Steps<void> {
    this.#rootId = identityOf(rootStat);
    const place = this.#room.place(root, rootStat, HERE);
    this.#pending.push({ image: HERE, stat: imageStat, target: HERE, targetStat: rootStat, place, surveys: undefined });
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      yield 'stoppable';
      yield* this.#directory(next);
    }
    this.#draft.links.settle();
    this.#draft.findCollisions();
    this.#room.check(this.#draft);
    this.#draft.finish();
    this.#warn();
  }

  *#directory(pending: Pending): Steps<void> {
    const { image, target, targetStat } = pending;
    const fs = this.#fs;
    const imageDir = this.#openImage(image);
    if (imageDir === undefined) return;
    let targetDir: DirHandle | undefined;
    try {
      if (this.#isRoot(pending.stat)) {
        this.#draft.refuse('OVERLAPPING_TREES', image, 'in the image is the root itself');
        return;
      }
      if (targetStat !== undefined && identityOf(targetStat) === this.#plan.imageId) {
        this.#draft.refuse('OVERLAPPING_TREES', target, 'in the root is the image itself');
        return;
      }
      if (targetStat !== undefined) targetDir = fs.openDir(this.#root.at(HERE), target);
      const place =
        targetDir === undefined || targetStat === undefined
          ? pending.place
          : this.#room.place(targetDir, targetStat, target);
      const site: Site = { source: this.#sites.imagePlace(imageDir, pending.stat), target: place };
      const refuseSite = (why: string): void => this.#draft.refuse('STRATEGY_IMPOSSIBLE', this.#request.image, why);
      const current: Current = {
        ...pending,
        place,
        imageDir,
        targetDir,
        site,
        ladder: this.#sites.ladder(site, imageDir, targetDir, refuseSite),
        index: this.#addDirectory(pending, place, imageDir, targetDir),
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

  #isRoot(stat: Stat): boolean {
    return identityOf(stat) === this.#rootId;
  }

  #addDirectory(
    { image, target, targetStat }: Pending,
    place: Place,
    imageDir: DirHandle,
    targetDir: DirHandle | undefined,
  ): number {
    const before = target === HERE ? this.#request.rootTime : undefined;
    const oldTime = targetStat === undefined ? {} : { oldMtime: before ?? targetStat.mtime };
    // Two directories of the image may lead to one of the root, through a symlink there: it is made once.
    const again = this.#targets.has(target);
    this.#targets.add(target);
    if (again) this.#draft.aliased.add(target);
    if (again) return this.#draft.addDirectory({ image, target, action: 'keep', ...oldTime });
    if (targetDir === undefined || targetStat === undefined) {
      this.#draft.countCreated();
      return this.#draft.addDirectory({
        image,
        target,
        action: 'make',
        attributes: readAttributes(imageDir, HERE, this.#fs),
      });
    }
    // The image's own top directory is no entry of the package.
    const adopt = this.#request.directories === 'image' && image !== HERE;
    if (!adopt) return this.#draft.addDirectory({ image, target, action: 'keep', ...oldTime });
    const attributes = readAttributes(imageDir, HERE, this.#fs);
    const old = readAttributes(targetDir, HERE, this.#fs);
    if (targetStat.immutable || targetStat.appendOnly) {
      this.#draft.refuse('IMMUTABLE', target, 'is an immutable or append-only directory (EPERM)');
    }
    this.#room.take(place, 0, 0);
    return this.#draft.addDirectory({ image, target, action: 'adopt', attributes, old, ...oldTime });
  }

  *#entry(current: Current, name: Bytes): Steps<void> {
    const path = join(current.image, name);
    if (this.#excluded(path)) {
      this.#draft.skip(1);
      return;
    }
    const stat = this.#fs.stat(current.imageDir, name);
    if (stat === undefined) return;
    if (join(current.target, name) === STATE_DIRECTORY) {
      this.#draft.refuse(
        'IMAGE_COLLISION',
        path,
        'in the image has the name of the directory that a merge keeps its journal in',
      );
      return;
    }
    const old = this.#oldEntry(current, name);
    if (old === 'unknown') return;
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
        this.#placing.leaf(current, name, stat, undefined);
        return;
      case 'compare':
        if (old !== undefined) this.#placing.compare(current, name, stat, old);
        return;
      case 'replace':
        this.#placing.leaf(current, name, stat, old);
        return;
      case 'displace':
        if (old !== undefined) this.#displace(current, name, stat, old);
        return;
      case 'conflict':
        if (this.#request.replaceTypes) yield* this.#newDirectory(current, name, stat, old);
        else this.#conflict(current, name, stat, `a ${old?.type}`);
        return;
      default:
        decision satisfies never;
    }
  }

  /** What the root has under a name. A name that its file system cannot even look up is refused here. */
  #oldEntry({ target, targetDir }: Current, name: Bytes): Stat | undefined | 'unknown' {
    if (targetDir === undefined) return undefined;
    try {
      return this.#fs.stat(targetDir, name);
    } catch (error) {
      if (!isErrno(error, 'ENAMETOOLONG')) throw error;
      this.#draft.refuse('NAME_TOO_LONG', join(target, name), 'is longer than the file system allows (ENAMETOOLONG)');
      return 'unknown';
    }
  }

  #conflict(current: Current, name: Bytes, stat: Stat, what: string): void {
    const article = stat.type === 'directory' ? 'a directory' : `a ${stat.type}`;
    this.#draft.refuse(
      'TYPE_CONFLICT',
      join(current.target, name),
      `is ${article} in the image and ${what} in the root`,
    );
  }

  /** A directory of the root gives way: an empty one, or any when types may be replaced and nothing in it must stay. */
  #displace(current: Current, name: Bytes, stat: Stat, old: Stat): void {
    const empty = this.#isEmpty(current, name);
    if (!empty && !this.#request.replaceTypes) {
      this.#conflict(current, name, stat, 'a directory with entries');
      return;
    }
    const obstacle = empty ? undefined : findObstacle(this.#root, join(current.target, name), this.#fs);
    if (obstacle === undefined) this.#placing.leaf(current, name, stat, old, { empty });
    else this.#draft.refuse(obstacle.code, obstacle.path, `${obstacle.what}, and its directory would be replaced`);
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
    const target = join(current.target, name);
    const surveys = yield* this.#surveys(current, image, stat);
    const survey = surveys?.get(image);
    if (survey === undefined) return;
    const enters = old === undefined && this.#shared.has(current.target);
    const rung = enters ? undefined : wholeBy(current, stat, survey, old !== undefined);
    if (rung !== undefined) {
      this.#placing.graft(current, name, stat, old, survey, rung);
    } else if (old !== undefined) {
      const why = survey.stays ?? survey.crosses ?? image;
      this.#draft.refuse('TYPE_CONFLICT', target, `cannot be swapped as a whole: ${quoted(why)} stays behind`);
    } else if (this.#placing.checkDirectory(current, name)) {
      this.#room.take(current.place, 0, 1);
      this.#pending.push({ image, stat, target, targetStat: undefined, place: current.place, surveys });
    }
  }

  *#surveys(current: Current, image: Bytes, stat: Stat): Steps<Surveys | undefined> {
    if (current.surveys?.has(image) === true) return current.surveys;
    try {
      return yield* surveyTree(this.#image, image, stat, this.#excluded, (found) => this.#isRoot(found), this.#fs);
    } catch (error) {
      if (!isErrno(error)) throw error;
      this.#draft.refuse('IMAGE_UNREADABLE', image, `in the image cannot be read (${error.message})`);
      return undefined;
    }
  }

  #warn(): void {
    const { linkedElsewhere, shared } = this.#draft.links;
    if (linkedElsewhere > 0) {
      this.#draft.warn(
        'IMAGE_LINKED_ELSEWHERE',
        `${linkedElsewhere} files of the image have hard links outside of what is merged`,
      );
    }
    const unkept = this.#plan.placements.filter(({ old, undo }) => old !== undefined && undo === 'none').length;
    if (unkept > 0) this.#draft.warn('NO_UNDO', `${unkept} entries are replaced without undo`);
    if (shared > 0 && this.#sites.anyMakes && !this.#request.links) {
      this.#draft.warn(
        'HARDLINKS_SPLIT',
        `${shared} hard-link groups become separate files: \`--no-hardlink\` forbids link(2)`,
      );
    }
  }
}
