/**
 * Settles updates of protected files: accepted, rejected or merged. Each file is by itself: the new one is made beside it and takes its name
 * by one rename; then the pristine copy is brought up to the update, then the update goes, those that are older before it.
 *
 * Killed anywhere, a file is the old one or the new one, and as long as not all of it is done its update still waits: settled once more it ends
 * the same. Not guaranteed: that several files are settled together, or not at all.
 */

import type { DirHandle, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { type ErrorCode, explain, MergeError } from '../errors.ts';
import { collectWarnings, type Warning } from '../events.ts';
import { lockRoot } from '../lock.ts';
import { HERE } from '../paths.ts';
import { recoverLocked } from '../recovery.ts';
import { runSync } from '../steps.ts';
import { pathOf, shown } from './find.ts';
import { keepPristine } from './keep-pristine.ts';
import { lockConfigMemory } from './memory-lock.ts';
import type { ChosenUpdate, ConfigOptions, PendingUpdate } from './model.ts';
import { type ConfigSite, openConfigSite } from './site.ts';
import { copyOf, fileLike, replace } from './staged-file.ts';
import { changed, isSame, readListed, TEXT_BYTES_MAX, unusable } from './texts.ts';

/** `accept`: the update takes the file's place. `reject`: it goes. `merge`: the file gets this content, and keeps all else that it has. */
export type ConfigAction =
  | { readonly how: 'accept' | 'reject' }
  | { readonly how: 'merge'; readonly content: Uint8Array };

export interface ConfigDecision {
  /** As it was listed: when the file or the update is another one by now, nothing is done about it. */
  readonly chosen: ChosenUpdate;
  readonly action: ConfigAction;
}

/** What became of one decision. */
export interface SettledUpdate {
  readonly decision: ConfigDecision;
  /** Why nothing was changed; undefined: it is settled. */
  readonly error: MergeError | undefined;
  /** Names of updates that are gone. */
  readonly removed: readonly Bytes[];
  /** What could not be done after the file had its new content. */
  readonly warnings: readonly string[];
}

export interface SettleReport {
  /** In the order of the decisions. */
  readonly settled: readonly SettledUpdate[];
  /** Of the lock. */
  readonly warnings: readonly Warning[];
  /** An unfinished merge that was finished first, and which tree that led to. */
  readonly recovered?: { readonly transaction: string; readonly tree: 'old' | 'new' };
}

/**
 * Carries decisions out, with the root locked, one after the other. What is refused of one does not keep the others.
 * @throws MergeError LOCKED, STATE_UNSAFE, INCOMPLETE, and what opening a root throws; then nothing was changed
 */
export function settleConfigUpdates(options: ConfigOptions, decisions: readonly ConfigDecision[]): SettleReport {
  using site = openConfigSite(options);
  const { path, top, durable, fs } = site;
  const { warnings, emit } = collectWarnings(options.onEvent ?? (() => {}));
  using lock = lockRoot(top, fs, { emit });
  const recovery = runSync(recoverLocked({ root: path, rollback: false, durable, emit, fs }, top, lock));
  using _memory = lockConfigMemory(site);
  const settled = decisions.map((decision) => settleOne(decision, site));
  const { transaction, tree } = recovery;
  const recovered = transaction === undefined || tree === 'none' ? {} : { recovered: { transaction, tree } };
  return { settled, warnings, ...recovered };
}

function settleOne(decision: ConfigDecision, site: ConfigSite): SettledUpdate {
  const { chosen } = decision;
  const warnings: string[] = [];
  try {
    const pristine = change(decision, site);
    attempt(`the pristine copy of ${shown(chosen.file.path)} is not kept`, warnings, () =>
      keepPristine(chosen.file.path, pristine, site),
    );
  } catch (error) {
    const refused = explain(error, codeOf(error), `${shown(chosen.file.path)} cannot be settled`);
    if (!(refused instanceof MergeError)) throw refused;
    return { decision, error: refused, removed: [], warnings };
  }
  return { decision, error: undefined, removed: removeUpdates(chosen, warnings, site), warnings };
}

/** Brings the file to what was decided. @returns what it is brought up to, for the next merge; undefined for what is none of text */
function change({ chosen, action }: ConfigDecision, site: ConfigSite): Buffer | undefined {
  const { file, update } = chosen;
  const { fs, durable } = site;
  const dir = site.root.at(file.directory);
  const check = (): void => checkUnchanged(chosen, dir, site);
  check();
  const pristine = pristineOf(chosen, site);
  checkPlace(file.path, action.how === 'reject' ? undefined : file.stat, dir, site);
  checkPlace(pathOf(file, update.name), update.stat, dir, site);
  switch (action.how) {
    case 'reject':
      break;
    case 'accept':
      if (update.stat.type !== 'file' && update.stat.type !== 'symlink')
        throw unusable(`${shown(pathOf(file, update.name))} is a ${update.stat.type}: no update is one`);
      replace({ dir, name: file.name, make: copyOf(dir, update.name, update.stat, fs), check, durable }, fs);
      break;
    case 'merge': {
      if (file.stat?.type !== 'file') throw unusable(`${shown(file.path)} is no file that could be merged`);
      checkUnplanted(chosen, dir, site);
      const content = Buffer.from(action.content);
      // All that the update changes is there already, or nothing of it is wanted.
      if (readListed(file.directory, file.name, file.stat, shown(file.path), site).equals(content)) break;
      const make = fileLike(dir, file.name, content, fs);
      replace({ dir, name: file.name, make, check, durable }, fs);
      break;
    }
    default:
      action satisfies never;
  }
  return pristine;
}

function checkUnchanged({ file, update }: ChosenUpdate, dir: DirHandle, { fs }: ConfigSite): void {
  if (!isSame(fs.stat(dir, update.name), update.stat)) throw changed(shown(pathOf(file, update.name)));
  if (!isSame(fs.stat(dir, file.name), file.stat)) throw changed(shown(file.path));
}

/** Whether the entry can be given up, said before anything is made. */
function checkPlace(path: Bytes, stat: Stat | undefined, dir: DirHandle, { fs }: ConfigSite): void {
  if (stat?.type === 'directory') throw unusable(`${shown(path)} is a directory: move it away first`);
  if (stat?.mountRoot) throw new MergeError('MOUNT_POINT', `${shown(path)} is a mount point (EBUSY)`);
  const holder = fs.stat(dir, HERE);
  if ([stat, holder].some((one) => one?.immutable === true || one?.appendOnly === true))
    throw new MergeError('IMMUTABLE', `${shown(path)}, or its directory, is immutable or append-only (EPERM)`);
}

/**
 * A hard link to a file that its owner keeps secret, put there as an update by someone who may write to the directory: merged into a file that all
 * may read it would be told to all.
 */
function checkUnplanted({ file, update }: ChosenUpdate, dir: DirHandle, { fs }: ConfigSite): void {
  const holder = fs.stat(dir, HERE);
  const isOurs = holder?.uid === fs.uid && (holder.mode & 0o022) === 0;
  if (update.stat.nlink > 1 && !isOurs)
    throw unusable(`${shown(pathOf(file, update.name))} has other hard links, and others may write to its directory`);
}

/** What the administrator has seen. A symlink, or what is too long to be merged, is no base. */
function pristineOf({ file, update }: ChosenUpdate, site: ConfigSite): Buffer | undefined {
  if (update.stat.type !== 'file' || update.stat.size > TEXT_BYTES_MAX) return undefined;
  return readListed(file.directory, update.name, update.stat, shown(pathOf(file, update.name)), site);
}

/** The older ones first: stopped in between, none of them looks like the newest. */
function removeUpdates({ file, update }: ChosenUpdate, warnings: string[], site: ConfigSite): Bytes[] {
  const { fs, root, durable } = site;
  const removed: Bytes[] = [];
  attempt(`updates of ${shown(file.path)} are not all removed`, warnings, () => {
    const dir = root.at(file.directory);
    for (const { name, stat } of file.updates.filter((one) => isSettledBy(one, update))) {
      // One that came meanwhile under the same name was never seen.
      if (!isSame(fs.stat(dir, name), stat)) continue;
      fs.unlink(dir, name);
      removed.push(name);
    }
    if (durable) fs.fsyncDir(dir);
  });
  return removed;
}

function isSettledBy(one: PendingUpdate, update: PendingUpdate): boolean {
  return one.number <= update.number;
}

/** What comes after the change itself: it is told, and keeps nothing. */
function attempt(otherwise: string, warnings: string[], act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isErrno(error)) throw error;
    warnings.push(`${otherwise}: ${error.message}`);
  }
}

function codeOf(error: unknown): ErrorCode {
  if (isErrno(error, 'ENOSPC', 'EDQUOT')) return 'NO_SPACE';
  if (isErrno(error, 'EROFS')) return 'READ_ONLY';
  if (isErrno(error, 'EACCES', 'EPERM')) return 'PERMISSION';
  if (isErrno(error, 'EBUSY')) return 'MOUNT_POINT';
  if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return 'CONFIG_UPDATE_CHANGED';
  return 'CONFIG_UPDATE_UNUSABLE';
}
