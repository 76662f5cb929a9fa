import type { DirHandle, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno, show } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { HERE, join, splitPath } from '../paths.ts';
import { readAttributes } from '../plan/attributes-of.ts';
import { type Excluded, excluder } from '../plan/exclude.ts';
import { linkKey } from '../plan/hard-links.ts';
import type { Placement } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import { applyAttributes } from '../strategy/attributes.ts';
import { type Birthplace, birthplace } from '../strategy/birthplace.ts';
import type { Choice } from '../strategy/select.ts';
import { entryRefusals, type Name, type Strategy, siteRefusals } from '../strategy/strategy.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import { moving } from './refused-there.ts';
import { keepRemoved } from './removals.ts';
import { directoryOf, eachPlacement, imageName, stagedBeside, type Transaction, undoName } from './transaction.ts';
import { writeRecord } from './write-record.ts';

/** How many entries each rung brought. */
export type RungCounts = Map<string, number>;

/**
 * Makes the new directories, brings every placement to its staged name and keeps an undo of what it will
 * replace. Until the commit point the root shows nothing of it but empty directories and staged names (G1). A failure is
 * thrown as it comes; the caller rolls back.
 */
export function* stage(t: Transaction, choice: Choice): Steps<RungCounts> {
  const stager = new Stager(t, choice);
  using work = t.sharing('stoppable');
  yield* makeDirectories(t);
  for (const [index, placement] of eachPlacement(t)) {
    yield* stager.stage(index, placement);
    keepUndo(t, index, placement, work);
    yield 'stoppable';
  }
  yield* keepRemoved(t, work);
  yield* work.finish();
  return stager.counts;
}

function* makeDirectories(t: Transaction): Steps<void> {
  for (const { action, target, attributes } of t.plan.directories) {
    if (action !== 'make' || attributes === undefined) continue;
    makeDirectory(target, t);
    const made = t.fs.pin(t.root.at(target), HERE);
    try {
      applyAttributes(made, attributes, t.fs);
    } finally {
      t.fs.closeFile(made);
    }
    yield 'stoppable';
  }
}

/** @returns its inode */
function makeDirectory(path: Bytes, t: Transaction): bigint {
  const { parent, name } = splitPath(path);
  t.fs.mkdir(t.root.at(parent), name, 0o700);
  const made = t.root.at(path);
  // Whoever may rename in its parent can have put another one there, which would get its owner and mode.
  if (t.fs.list(made).length > 0) throw replacedMeanwhile(path);
  return (t.fs.stat(made, HERE) as Stat).ino;
}

function replacedMeanwhile(path: Bytes): MergeError {
  return new MergeError('STAGE_FAILED', `${quoted(path)} was replaced by somebody while it was made`);
}

/** A second name, or a second file, for the entry that will be replaced. An exchange keeps it by itself. */
function keepUndo(t: Transaction, index: number, placement: Placement, work: SharedWork): void {
  const { undo: kind, as, name, size } = placement;
  if (kind === 'none' || kind === 'exchange') return;
  const task = {
    directory: directoryOf(t, placement).target,
    name: as ?? name,
    as: undoName(t, index, placement),
    kind,
  };
  work.share('keep', task, kind === 'link' ? 0 : size, (kept) => {
    placement.undo = kept ?? 'exchange';
  });
}

class Stager {
  readonly counts: RungCounts = new Map();
  readonly #t: Transaction;
  readonly #choice: Choice;
  readonly #excluded: Excluded;
  /** The first staged name of each hard-link group, as a path below the root. */
  readonly #groups = new Map<string, { readonly directory: Bytes; readonly name: Bytes }>();
  readonly #birthplaces = new Map<Bytes, Birthplace | undefined>();
  /** Rung and target directory that met a site refusal: not tried there again. */
  readonly #refused = new Set<string>();

  constructor(t: Transaction, choice: Choice) {
    this.#t = t;
    this.#choice = choice;
    this.#excluded = excluder(t.plan);
  }

  *stage(index: number, placement: Placement): Steps<void> {
    if (placement.record !== undefined) {
      yield* this.#record(index, placement, placement.record);
      return;
    }
    const rung = this.#strategy(placement.rung);
    if (placement.staging === 'in-image') {
      this.#count(rung, placement.entries);
      return;
    }
    const source = imageName(this.#t, placement);
    if (source === undefined) throw new Error('bug: staging without an image');
    const staged = stagedBeside(this.#t, index, placement);
    if (placement.type === 'directory' && rung.traits.staging === 'made') {
      const { image = HERE, target } = directoryOf(this.#t, placement);
      yield* this.#tree(join(image, placement.name), join(target, staged.name), rung);
    } else {
      const stat = this.#stat(source);
      const used =
        placement.type === 'directory'
          ? moving(placement, () => this.#alone(rung, source, stat, staged))
          : this.#leaf(directoryOf(this.#t, placement).target, source, stat, staged, rung);
      placement.rung = used.name;
      placement.staging = used.traits.staging;
      this.#count(used, placement.entries);
    }
    // Asked for anew: while a whole tree was made the handle may have been given back.
    placement.stagedIno = this.#stat(stagedBeside(this.#t, index, placement)).ino;
  }

  /** Comes after all that is of the image: what the ledger writes may tell of it. */
  *#record(index: number, placement: Placement, number: number): Steps<void> {
    const record = this.#t.plan.records[number];
    if (record === undefined) throw new Error(`bug: no record ${number}`);
    const staged = stagedBeside(this.#t, index, placement);
    yield* writeRecord(record, staged, this.#t.fs);
    placement.stagedIno = this.#stat(staged).ino;
  }

  #alone(rung: Strategy, source: Name, stat: Stat, staged: Name): Strategy {
    rung.stage(source, stat, staged, this.#t.fs);
    return rung;
  }

  /** A whole directory, made beside its target: attributes last and innermost first, for every new name touches the time above it. */
  *#tree(image: Bytes, staged: Bytes, rung: Strategy): Steps<void> {
    const t = this.#t;
    if (t.image === undefined) throw new Error('bug: staging without an image');
    const made: { image: Bytes; staged: Bytes; ino: bigint }[] = [];
    const pending = [{ image, staged }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      made.push({ ...next, ino: makeDirectory(next.staged, t) });
      this.#count(rung, 1);
      for (const { name } of t.fs.list(t.image.at(next.image))) {
        yield 'stoppable';
        const path = join(next.image, name);
        if (this.#excluded(path)) continue;
        const source = { dir: t.image.at(next.image), name };
        const stat = this.#stat(source);
        if (stat.type === 'directory') pending.push({ image: path, staged: join(next.staged, name) });
        else if (stat.type !== 'socket')
          this.#count(this.#leaf(next.staged, source, stat, { dir: t.root.at(next.staged), name }, rung), 1);
      }
    }
    for (const { image: from, staged: to, ino } of made.reverse()) {
      const pinned = t.fs.pin(t.root.at(to), HERE);
      try {
        if (t.fs.statHandle(pinned).ino !== ino) throw replacedMeanwhile(to);
        applyAttributes(pinned, readAttributes(t.image.at(from), HERE, t.fs), t.fs);
      } finally {
        t.fs.closeFile(pinned);
      }
    }
  }

  /** One entry that is no directory, by `rung` or, for `auto`, the next that works. Hard links of one inode stay one. */
  #leaf(directory: Bytes, source: Name, stat: Stat, staged: Name, rung: Strategy): Strategy {
    if (stat.nlink === 1 || rung.traits.staging === 'moved' || !this.#choice.links)
      return this.#climb(directory, source, stat, staged, rung);
    // One inode for each file system of the root that the group reaches.
    const key = `${linkKey(stat)} ${this.#t.fs.stat(staged.dir, HERE)?.mountId}`;
    const first = this.#groups.get(key);
    if (first !== undefined && this.#linkTo(first, staged)) return rung;
    const used = this.#climb(directory, source, stat, staged, rung);
    this.#groups.set(key, { directory, name: staged.name });
    return used;
  }

  #linkTo(first: { readonly directory: Bytes; readonly name: Bytes }, staged: Name): boolean {
    try {
      this.#t.fs.link(this.#t.root.at(first.directory), first.name, staged.dir, staged.name);
      return true;
    } catch (error) {
      // Members on two mounts of the root cannot be one inode there.
      if (isErrno(error, ...siteRefusals, ...entryRefusals)) return false;
      throw error;
    }
  }

  /** The ladder: bounded, and it returns the rung that was used. */
  #climb(directory: Bytes, source: Name, stat: Stat, staged: Name, planned: Strategy): Strategy {
    let last: unknown;
    for (const rung of [planned, ...this.#below(planned)]) {
      const here = `${rung.name} ${directory}`;
      if (this.#refused.has(here)) continue;
      try {
        rung.stage(source, stat, { ...staged, birthplace: this.#birthplace(directory, staged.dir) }, this.#t.fs);
        return rung;
      } catch (error) {
        if (!isErrno(error, ...siteRefusals, ...entryRefusals)) throw error;
        if (isErrno(error, ...siteRefusals)) this.#refused.add(here);
        last = error;
      }
    }
    if (this.#choice.strategy === 'auto') throw last;
    const why = last instanceof Error ? last.message : show(directory);
    throw new MergeError(
      'STRATEGY_IMPOSSIBLE',
      `strategy \`${this.#choice.strategy}\` cannot stage ${quoted(source.name)}: ${why}`,
      { cause: last },
    );
  }

  #birthplace(directory: Bytes, dir: DirHandle): Birthplace | undefined {
    if (!this.#birthplaces.has(directory)) this.#birthplaces.set(directory, birthplace(dir, this.#t.fs));
    return this.#birthplaces.get(directory);
  }

  /** What `auto` tries after a rung failed on an entry. */
  #below(planned: Strategy): Strategy[] {
    if (this.#choice.strategy !== 'auto') return [];
    const { registry, links } = this.#choice;
    return registry
      .slice(registry.indexOf(planned) + 1)
      .filter(({ traits }) => traits.staging === 'made' && (links || !traits.links));
  }

  #strategy(name: string): Strategy {
    const found = this.#choice.registry.find((strategy) => strategy.name === name);
    if (found === undefined) throw new Error(`bug: no strategy ${name}`);
    return found;
  }

  #stat(name: Name): Stat {
    const stat = this.#t.fs.stat(name.dir, name.name);
    if (stat === undefined) throw new MergeError('STAGE_FAILED', `${quoted(name.name)} vanished while it was staged`);
    return stat;
  }

  #count(rung: Strategy, entries: number): void {
    this.counts.set(rung.name, (this.counts.get(rung.name) ?? 0) + entries);
  }
}
