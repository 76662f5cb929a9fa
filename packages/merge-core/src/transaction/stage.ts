import type { Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { type ImageContent, readEntry } from '../ledger/read-entry.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, join, splitPath } from '../paths.ts';
import { readAttributes } from '../plan/attributes-of.ts';
import { type Excluded, excluder } from '../plan/exclude.ts';
import { linkKey } from '../plan/hard-links.ts';
import type { Placement } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import { applyAttributes } from '../strategy/attributes.ts';
import type { Climber } from '../strategy/climb.ts';
import { entryRefusals, type Name, type Strategy, siteRefusals } from '../strategy/strategy.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import { isReadWhenMade } from './read-when-made.ts';
import { moving } from './refused-there.ts';
import { keepRemoved } from './removals.ts';
import { makeStaged, mustStat, type StagedEntry, type StageEntry } from './stage-entry.ts';
import {
  directoryOf,
  eachPlacement,
  imageName,
  stagedBeside,
  stagedNameOf,
  type Transaction,
  undoName,
} from './transaction.ts';
import { writeRecord } from './write-record.ts';

/** How many entries each rung brought. */
export type RungCounts = Map<string, number>;

/**
 * Makes the new directories, brings every placement to its staged name and keeps an undo of what it will
 * replace. Until the commit point the root shows nothing of it but empty directories and staged names (G1). A failure is
 * thrown as it comes; the caller rolls back.
 */
export function* stage(t: Transaction): Steps<RungCounts> {
  using work = t.sharing('stoppable');
  const stager = new Stager(t, work);
  yield* makeDirectories(t);
  for (const [index, placement] of eachPlacement(t)) {
    yield* stager.stage(index, placement);
    keepUndo(t, index, placement, work);
    yield 'stoppable';
  }
  yield* keepRemoved(t, work);
  yield* stager.finish();
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
  work.share('keep', task, kind === 'link' ? 0 : size, (kept) =>
    t.plan.placements.revise(index, { undo: kept ?? 'exchange' }),
  );
}

/** A directory that was made with all below it. */
interface MadeDirectory {
  readonly image: Bytes;
  readonly staged: Bytes;
  readonly ino: bigint;
}

class Stager {
  readonly counts: RungCounts = new Map();
  readonly #t: Transaction;
  readonly #work: SharedWork;
  readonly #excluded: Excluded;
  /** The first staged name of each hard-link group, as a path below the root. */
  readonly #groups = new Map<
    string,
    { readonly directory: Bytes; readonly name: Bytes; readonly content: ImageContent | undefined }
  >();
  /** Parents before children. */
  readonly #made: MadeDirectory[] = [];

  constructor(t: Transaction, work: SharedWork) {
    this.#t = t;
    this.#work = work;
    this.#excluded = excluder(t.plan);
  }

  *stage(index: number, placement: Placement): Steps<void> {
    if (placement.record !== undefined) {
      yield* this.#record(index, placement, placement.record);
      return;
    }
    const rung = this.#climber.named(placement.rung);
    if (placement.staging === 'in-image') {
      this.#count(rung.name, placement.entries);
      return;
    }
    const source = imageName(this.#t, placement);
    if (source === undefined) throw new Error('bug: staging without an image');
    if (rung.traits.staging === 'moved') this.#move(index, placement, source, rung);
    else if (placement.type === 'directory') yield* this.#tree(index, placement, rung);
    else this.#make(index, placement);
  }

  /** What was given to others is done, and directories that were made get their attributes. */
  *finish(): Steps<void> {
    yield* this.#work.finish();
    const { image, root, fs } = this.#t;
    // Last, and innermost first, for every new name touches the time above it.
    for (let made = this.#made.pop(); made !== undefined; made = this.#made.pop()) {
      const pinned = fs.pin(root.at(made.staged), HERE);
      try {
        if (fs.statHandle(pinned).ino !== made.ino) throw replacedMeanwhile(made.staged);
        applyAttributes(pinned, readAttributes((image as OpenDirectories).at(made.image), HERE, fs), fs);
      } finally {
        fs.closeFile(pinned);
      }
    }
  }

  /** Comes after all that is of the image: what the ledger writes may tell of it. */
  *#record(index: number, placement: Placement, number: number): Steps<void> {
    const record = this.#t.plan.records[number];
    if (record === undefined) throw new Error(`bug: no record ${number}`);
    yield* this.#work.finish();
    const staged = stagedBeside(this.#t, index, placement);
    yield* writeRecord(record, staged, this.#t.fs);
    this.#t.plan.placements.revise(index, { placedIno: mustStat(staged, this.#t.fs).ino });
  }

  #move(index: number, placement: Placement, source: Name, rung: Strategy): void {
    const { fs } = this.#t;
    const stat = mustStat(source, fs);
    const staged = stagedBeside(this.#t, index, placement);
    const reading = { buffer: this.#work.at.buffer, digests: [] };
    let used = rung;
    if (placement.type === 'directory') moving(placement, () => rung.stage(source, stat, staged, fs, reading));
    else used = this.#climber.climb(directoryOf(this.#t, placement).target, source, stat, staged, rung, reading).rung;
    this.#count(used.name, placement.entries);
    this.#staged(index, used.name, mustStat(staged, fs).ino);
  }

  #make(index: number, placement: Placement): void {
    const { image = HERE, target } = directoryOf(this.#t, placement);
    const { name, type, rung, size, entries } = placement;
    const as = stagedNameOf(this.#t, index, placement);
    const task = { from: image, name, type, directory: target, as, rung, isRead: this.#isRead(rung), isPlaced: true };
    this.#leaf(task, size, (staged) => {
      this.#staged(index, staged.rung, staged.ino ?? placement.ino);
      this.#count(staged.rung, entries);
    });
  }

  #staged(index: number, rung: string, placedIno: bigint): void {
    const { staging } = this.#climber.named(rung).traits;
    this.#t.plan.placements.revise(index, { rung, staging, placedIno });
  }

  /** A whole directory, made beside its target. */
  *#tree(index: number, placement: Placement, rung: Strategy): Steps<void> {
    const t = this.#t;
    if (t.image === undefined) throw new Error('bug: staging without an image');
    const { image = HERE, target } = directoryOf(t, placement);
    // How large each entry is nobody has kept.
    const bytes = placement.size / placement.entries;
    const isRead = this.#isRead(rung.name);
    const top = join(target, stagedNameOf(t, index, placement));
    const pending = [{ image: join(image, placement.name), staged: top }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { image: from, staged: directory } = next;
      const ino = makeDirectory(directory, t);
      if (directory === top) t.plan.placements.revise(index, { placedIno: ino });
      this.#made.push({ ...next, ino });
      this.#count(rung.name, 1);
      for (const { name, type: listed } of t.fs.list(t.image.at(from))) {
        yield 'stoppable';
        const path = join(from, name);
        if (this.#excluded(path)) continue;
        const type = listed ?? mustStat({ dir: t.image.at(from), name }, t.fs).type;
        if (type === 'directory') pending.push({ image: path, staged: join(directory, name) });
        else if (type !== 'socket')
          this.#leaf(
            { from, name, type, directory, as: name, rung: rung.name, isRead, isPlaced: false },
            bytes,
            (staged) => this.#count(staged.rung, 1),
          );
      }
    }
  }

  /** One entry that is no directory, by whoever has time. */
  #leaf(task: StageEntry, bytes: number, done: (staged: StagedEntry) => void): void {
    this.#work.share('stage', task, bytes, (result) => {
      const staged = result ?? this.#linked(task);
      if (staged.content !== undefined) this.#t.contents?.set(join(task.from, task.name), staged.content);
      done(staged);
    });
  }

  /** Whether what an entry holds is told by who makes it. */
  #isRead(rung: string): boolean {
    return this.#t.contents !== undefined && isReadWhenMade(this.#climber.named(rung));
  }

  /** One name of several: hard links of one inode stay one. */
  #linked(task: StageEntry): StagedEntry {
    const t = this.#t;
    const { from, name, directory, as } = task;
    const source = { dir: (t.image as OpenDirectories).at(from), name };
    const stat = mustStat(source, t.fs);
    const staged = { dir: t.root.at(directory), name: as };
    // One inode for each file system of the root that the group reaches.
    const key = `${linkKey(stat)} ${t.fs.stat(staged.dir, HERE)?.mountId}`;
    const first = this.#groups.get(key);
    let { rung, content }: Pick<StagedEntry, 'rung' | 'content'> = { rung: task.rung, content: first?.content };
    if (first === undefined || !this.#linkTo(first, staged)) {
      ({ rung, content } = makeStaged(task, source, stat, staged, this.#work.at));
      this.#groups.set(key, { directory, name: as, content });
    }
    // The first came by a strategy that reads nothing: where the image has several mounts, names of one inode come by several.
    if (task.isRead) content ??= readEntry({ directory: from, name, isFile: task.type === 'file' }, this.#work.at);
    return { rung, ino: mustStat(staged, t.fs).ino, content };
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

  get #climber(): Climber {
    return this.#work.at.climber;
  }

  #count(rung: string, entries: number): void {
    this.counts.set(rung, (this.counts.get(rung) ?? 0) + entries);
  }
}
