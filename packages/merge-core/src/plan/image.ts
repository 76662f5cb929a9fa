import type { DirHandle, FsPort, Place, Site, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { identityOf, lastingIdentity } from '../identity.ts';
import { OpenDirectories } from '../open-directories.ts';
import { HERE } from '../paths.ts';
import type { Steps } from '../steps.ts';
import { Additions } from './additions.ts';
import { Admission } from './admission.ts';
import { readAttributes } from './attributes-of.ts';
import { Draft } from './draft.ts';
import { EntryPlanner, type Pending } from './entry.ts';
import { excluder } from './exclude.ts';
import type { Knowledge } from './knowledge.ts';
import type { Plan } from './model.ts';
import { type Current, Placing } from './placing.ts';
import { emptyPlan, type PlanRequest } from './request.ts';
import { Room } from './room.ts';
import type { PlanLedger } from './ruling.ts';
import { Sites, type Spot } from './sites.ts';
import { statDirectory } from './survey.ts';
import { areTwins } from './twins.ts';

/**
 * Walks the image once, beside the root, and decides each entry. Reads only; every problem is collected in the
 * plan rather than thrown, so that all are told at once.
 *
 * Not guaranteed: that the trees are the same when the plan is carried out. Staging and commit do not believe it.
 */
export function* planMerge(
  image: DirHandle,
  root: DirHandle,
  request: PlanRequest,
  knowledge: Knowledge,
  fs: FsPort,
  ledgerOf: () => PlanLedger,
): Steps<Plan> {
  using rootDirectories = new OpenDirectories(fs, root);
  using imageDirectories = new OpenDirectories(fs, image);
  const trees = { image: imageDirectories, root: rootDirectories };
  // Directories of the root that two of the image lead to, through a symlink there (merged /usr): known when all was
  // seen. A graft in one of them would keep the other's entries out, so then it is planned once more without.
  const shared = new Set<Bytes>();
  for (;;) {
    const ledger = ledgerOf();
    const path = request.image ?? HERE;
    const plan = emptyPlan(request, { path, id: lastingIdentity(image, fs) }, ledger.masked);
    const planner = new Planner(plan, image, trees, request, knowledge, shared, fs, ledger);
    yield* planner.run(statDirectory(image, fs), statDirectory(root, fs), root);
    const found = [...planner.aliased].filter((path) => !shared.has(path));
    if (found.length === 0 || !plan.problems.some(({ code }) => code === 'IMAGE_COLLISION')) return plan;
    for (const path of found) shared.add(path);
  }
}

class Planner {
  readonly #draft: Draft;
  readonly #image: DirHandle;
  readonly #imageDirectories: OpenDirectories;
  readonly #plan: Plan;
  readonly #root: OpenDirectories;
  readonly #request: PlanRequest;
  readonly #fs: FsPort;
  readonly #room: Room;
  #rootId = '';
  #imageId = '';
  readonly #pending: Pending[] = [];
  readonly #sites: Sites;
  readonly #admission: Admission;
  readonly #entries: EntryPlanner;
  readonly #ledger: PlanLedger;
  /** Real directories of the root that are merged into. */
  readonly #targets = new Set<Bytes>();

  constructor(
    plan: Plan,
    image: DirHandle,
    trees: { readonly image: OpenDirectories; readonly root: OpenDirectories },
    request: PlanRequest,
    knowledge: Knowledge,
    shared: ReadonlySet<Bytes>,
    fs: FsPort,
    ledger: PlanLedger,
  ) {
    this.#ledger = ledger;
    this.#draft = new Draft(plan);
    this.#image = image;
    this.#imageDirectories = trees.image;
    this.#plan = plan;
    const { root } = trees;
    this.#root = root;
    this.#request = request;
    this.#fs = fs;
    this.#room = new Room(fs);
    this.#sites = new Sites(request, knowledge, fs);
    this.#admission = new Admission(this.#draft, this.#room, this.#sites, request, fs);
    const placing = new Placing(this.#draft, this.#room, this.#sites, trees, this.#admission, request, fs);
    this.#entries = new EntryPlanner({
      ...{ draft: this.#draft, room: this.#room, sites: this.#sites, admission: this.#admission, placing },
      ...{ image, root, request, fs, shared },
      excluded: excluder(plan),
      isRoot: (stat) => this.#isRoot(stat),
      ruling: ledger.ruling,
      enter: (pending) => void this.#pending.push(pending),
    });
  }

  get aliased(): ReadonlySet<Bytes> {
    return this.#draft.aliased;
  }

  *run(imageStat: Stat, rootStat: Stat, root: DirHandle): Steps<void> {
    this.#rootId = identityOf(rootStat);
    this.#imageId = identityOf(imageStat);
    const place = this.#room.place(root, rootStat, HERE);
    this.#pending.push({
      ...{ image: HERE, stat: imageStat, target: HERE, standing: HERE },
      targetStat: rootStat,
      place,
      surveys: undefined,
    });
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      yield 'stoppable';
      yield* this.#directory(next);
    }
    this.#draft.settleLinks();
    this.#draft.findCollisions(areTwins(this.#plan, this.#imageDirectories, this.#fs));
    yield* this.#ledger.complete(
      this.#draft,
      new Additions(this.#draft, this.#room, this.#sites, this.#root, this.#request, this.#fs),
    );
    this.#draft.refuseSwappedAway();
    this.#room.check(this.#draft);
    this.#plan.sites.push(...this.#sites.planned);
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
      if (targetStat !== undefined && identityOf(targetStat) === this.#imageId) {
        this.#draft.refuse('OVERLAPPING_TREES', target, 'in the root is the image itself');
        return;
      }
      if (targetStat !== undefined) targetDir = fs.openDir(this.#root.at(HERE), target);
      const place =
        targetDir === undefined || targetStat === undefined
          ? pending.place
          : this.#room.place(targetDir, targetStat, target);
      const site: Site = { source: this.#sites.imagePlace(imageDir, pending.stat), target: place };
      const refuseSite = (why: string): void =>
        this.#draft.refuse('STRATEGY_IMPOSSIBLE', this.#request.image ?? HERE, why);
      const current: Current = {
        ...pending,
        place,
        imageDir,
        targetDir,
        site,
        ladder: this.#sites.ladder(site, this.#spot(pending, imageDir, targetDir), refuseSite),
        index: this.#addDirectory(pending, place, imageDir, targetDir),
      };
      const { action } = this.#plan.directories[current.index] ?? {};
      if (action === 'make' || action === 'adopt') this.#admission.carrying(current, HERE, pending.stat);
      if (action === 'adopt') this.#admission.adoption(current);
      const names = fs.list(imageDir).map((entry) => entry.name);
      this.#admission.cases(current, names);
      for (const name of names.sort()) yield* this.#entries.plan(current, name);
    } finally {
      if (targetDir !== undefined) fs.closeDir(targetDir);
      fs.closeDir(imageDir);
    }
  }

  #spot({ image, stat, standing }: Pending, imageDir: DirHandle, targetDir: DirHandle | undefined): Spot {
    return { image, imageDir, imageStat: stat, target: standing, targetDir: targetDir ?? this.#root.at(standing) };
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

  #warn(): void {
    this.#draft.warnOfExposed(this.#request.holders);
    const { linkedElsewhere, shared } = this.#draft.links;
    if (linkedElsewhere > 0) {
      this.#draft.warn(
        'IMAGE_LINKED_ELSEWHERE',
        `${linkedElsewhere} files of the image have hard links outside of what is merged`,
      );
    }
    let unkept = 0;
    let makes = false;
    for (const { old, undo, staging } of this.#plan.placements) {
      if (old !== undefined && undo === 'none') unkept++;
      if (staging === 'made') makes = true;
    }
    if (unkept > 0) this.#draft.warn('NO_UNDO', `${unkept} entries are replaced without undo`);
    if (shared > 0 && makes && !this.#request.links) {
      this.#draft.warn(
        'HARDLINKS_SPLIT',
        `${shared} hard-link groups become separate files: \`--no-hardlink\` forbids link(2)`,
      );
    }
  }
}
