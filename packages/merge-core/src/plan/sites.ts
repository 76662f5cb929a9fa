import {
  type DirHandle,
  describeSite,
  type Fact,
  type FactName,
  type FsPort,
  type Place,
  type Site,
  type Stat,
  siteKey,
  type Xattrs,
} from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { reflinkFact } from '../strategy/measure.ts';
import { type Choice, type Ladder, ladderFor, movesWhole } from '../strategy/select.ts';
import type { Strategy } from '../strategy/strategy.ts';
import {
  carryFacts,
  type Losable,
  type Loss,
  type LostThere,
  losingFacts,
  lossesOf,
  lostThere,
  noteFacts,
  nothingLost,
} from './carry.ts';
import type { Knowledge } from './knowledge.ts';
import type { PlannedSite } from './model.ts';

/** Two directories of one site: where what is not known of it yet can be measured. */
export interface Spot {
  readonly image: Bytes;
  readonly imageDir: DirHandle;
  readonly imageStat: Stat;
  /** The nearest directory that the root has. */
  readonly target: Bytes;
  readonly targetDir: DirHandle;
}

/** The sites that a plan meets, and what it relies on at each. */
export class Sites {
  readonly #choice: Choice;
  readonly #knowledge: Knowledge;
  readonly #fs: FsPort;
  readonly #magics = new Map<number, number>();
  readonly #met = new Map<string, { readonly ladder: Ladder; readonly planned: PlannedSite }>();
  /** The last that was asked for: entry after entry of a directory is placed at the same. */
  #last: { readonly site: Site; readonly planned: PlannedSite | undefined } | undefined;
  /** Sites at which the root is on both sides. */
  readonly #within = new Map<string, PlannedSite>();
  readonly #undoReflinks = new Map<number, boolean>();

  constructor(choice: Choice, knowledge: Knowledge, fs: FsPort) {
    this.#choice = choice;
    this.#knowledge = knowledge;
    this.#fs = fs;
  }

  /** Where a directory of the image lies. */
  imagePlace(dir: DirHandle, stat: Stat): Place {
    const magic = this.#magics.get(stat.mountId) ?? this.#fs.space(dir).magic;
    this.#magics.set(stat.mountId, magic);
    return { dev: stat.dev, mountId: stat.mountId, magic };
  }

  /** The rungs for a site. `refuse` is told why, once, when there is none. */
  ladder(site: Site, spot: Spot, refuse: (why: string) => void): Ladder {
    const key = siteKey(site);
    const known = this.#met.get(key);
    if (known !== undefined) return known.ladder;
    const { image, imageDir, imageStat, target, targetDir } = spot;
    // Asked while planning, for it leaves nothing to see. What cannot be asked so is measured later, like all else.
    const reflink = (): Fact => reflinkFact(imageDir, targetDir, this.#fs);
    const ladder = ladderFor(site, this.#choice, this.#knowledge, reflink);
    const planned: PlannedSite = {
      site,
      image: { path: image, mtime: imageStat.mtime },
      target,
      rungs: ladder.rungs.map(({ name }) => name),
      refused: ladder.refused,
      placements: 0,
      relies: new Set(),
    };
    this.#met.set(key, { ladder, planned });
    this.#last = undefined;
    if (ladder.rungs.length === 0) {
      const why = [...ladder.refused].map(([name, errno]) => `\`${name}\` gives ${errno}`).join(', ');
      refuse(`cannot be merged from there (${describeSite(site)}): ${why}`);
    }
    return ladder;
  }

  /** Where names of the root itself come and go: what is relied on there is measured in the directory `target`. */
  within(place: Place, target: Bytes): void {
    const site = { source: place, target: place };
    const key = siteKey(site);
    if (this.#met.has(key)) return;
    this.#last = undefined;
    this.#within.set(key, { site, target, rungs: [], refused: new Map(), placements: 0, relies: new Set() });
  }

  /** Notes what must be true at a site for the plan to work. */
  relyOn(site: Site, facts: readonly FactName[]): void {
    const relies = this.#planned(site)?.relies;
    // Asking whether links work is a link call too (G8).
    for (const fact of facts) if (this.#choice.links || (fact !== 'link' && fact !== 'hardLink')) relies?.add(fact);
  }

  /** Counts an entry that is placed at a site. */
  countPlaced(site: Site): void {
    const planned = this.#planned(site);
    if (planned !== undefined) planned.placements++;
  }

  #planned(site: Site): PlannedSite | undefined {
    if (this.#last?.site !== site) {
      const key = siteKey(site);
      this.#last = { site, planned: this.#met.get(key)?.planned ?? this.#within.get(key) };
    }
    return this.#last.planned;
  }

  /** Notes what must be true for an entry, and what is inside it, to be made anew there with all that it is. */
  relyOnCarrying(site: Site, name: Bytes, stat: Stat, inside: Iterable<FactName> = []): void {
    if (this.#carriesAlready(site)) return;
    const facts = new Set([...carryFacts, ...inside]);
    noteFacts(facts, name, stat);
    this.relyOn(site, [...facts]);
  }

  /** Why something does not work at a site, as far as is known. */
  refusal(site: Site, fact: FactName): string | undefined {
    return this.#knowledge.refusal(site, fact);
  }

  /** Whether a rung moves whole directories there. */
  movesWhole(rung: Strategy, site: Site): boolean {
    return movesWhole(rung, site, this.#knowledge);
  }

  /** What an entry that is made anew there would lose. */
  lossesAt(site: Site, name: Bytes, stat: Stat, xattrs: () => Xattrs): Loss[] {
    return this.mayLose(site) ? lossesOf(name, stat, xattrs, this.#knowledge.of(site), this.#fs.gids) : [];
  }

  /** What every entry loses there, of what may be lost. */
  lostAt(site: Site, lossy: readonly Losable[]): LostThere {
    return this.#carriesAlready(site) ? nothingLost : lostThere(this.#knowledge.of(site), lossy);
  }

  /** Whether anything of what is made there may be lost, so that each entry must be looked at. */
  mayLose(site: Site): boolean {
    const known = this.#knowledge.of(site);
    return losingFacts.some((name) => known[name]?.answer === 'no') && !this.#carriesAlready(site);
  }

  /** What one file system holds in the image it can hold in the root, when we may do all there. */
  #carriesAlready({ source, target }: Site): boolean {
    return source.dev === target.dev && this.#fs.uid === 0;
  }

  /** All sites that something is placed at. */
  get planned(): PlannedSite[] {
    return [...[...this.#met.values()].map(({ planned }) => planned), ...this.#within.values()].filter(
      ({ relies }) => relies.size > 0,
    );
  }

  /** Whether FICLONE works within the file system of a target directory. `open` is asked for it when that is not known yet. */
  reflinksWithin(place: Place, open: () => DirHandle): boolean {
    const known = this.#undoReflinks.get(place.mountId);
    if (known !== undefined) return known;
    const dir = open();
    const works = reflinkFact(dir, dir, this.#fs).answer === 'yes';
    this.#undoReflinks.set(place.mountId, works);
    return works;
  }
}
