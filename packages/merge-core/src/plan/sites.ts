import { describeSite, type Place, type Site, siteKey } from '@emplace/fsprobe';
import type { DirHandle, FsPort, Stat } from '../fs/port.ts';
import { reflinkRefusal } from '../strategy/measure.ts';
import { type Choice, type Ladder, ladderFor } from '../strategy/select.ts';

/** The sites that a plan meets, each measured once. */
export class Sites {
  readonly #choice: Choice;
  readonly #fs: FsPort;
  readonly #magics = new Map<number, number>();
  readonly #ladders = new Map<string, Ladder>();
  readonly #undoReflinks = new Map<number, boolean>();

  constructor(choice: Choice, fs: FsPort) {
    this.#choice = choice;
    this.#fs = fs;
  }

  /** Where a directory of the image lies. */
  imagePlace(dir: DirHandle, stat: Stat): Place {
    const magic = this.#magics.get(stat.mountId) ?? this.#fs.space(dir).magic;
    this.#magics.set(stat.mountId, magic);
    return { dev: stat.dev, mountId: stat.mountId, magic };
  }

  /** The rungs for a site. `refuse` is told why, once, when there is none. */
  ladder(site: Site, imageDir: DirHandle, targetDir: DirHandle | undefined, refuse: (why: string) => void): Ladder {
    const key = siteKey(site);
    const known = this.#ladders.get(key);
    if (known !== undefined) return known;
    const reflinks = () => (targetDir === undefined ? undefined : reflinkRefusal(imageDir, targetDir, this.#fs));
    const ladder = ladderFor(site, this.#choice, reflinks);
    this.#ladders.set(key, ladder);
    if (ladder.rungs.length === 0) {
      const why = [...ladder.refused].map(([name, errno]) => `\`${name}\` gives ${errno}`).join(', ');
      refuse(`cannot be merged from there (${describeSite(site)}): ${why}`);
    }
    return ladder;
  }

  /** Whether FICLONE works within the file system of a target directory. `open` is asked for it when that is not known yet. */
  reflinksWithin(place: Place, open: () => DirHandle): boolean {
    const known = this.#undoReflinks.get(place.mountId);
    if (known !== undefined) return known;
    const dir = open();
    const works = reflinkRefusal(dir, dir, this.#fs) === undefined;
    this.#undoReflinks.set(place.mountId, works);
    return works;
  }

  /** Whether somewhere the image's inodes do not become the root's. */
  get anyMakes(): boolean {
    return [...this.#ladders.values()].some(({ rungs }) => rungs[0]?.traits.staging === 'made');
  }
}
