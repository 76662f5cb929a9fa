import { type DirHandle, type FileHandle, type FsPort, restoreTime, type Timestamp } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import type { Announce } from './announce.ts';
import { explain, MergeError } from './errors.ts';
import type { Emit, Warning } from './events.ts';
import { readWhole } from './fs/whole-file.ts';
import { describeOwner, describeSelf } from './lock-owner.ts';
import { HERE } from './paths.ts';
import { statDirectory } from './plan/survey.ts';
import { openState, STATE_DIRECTORY } from './state.ts';

const LOCK: Bytes = ascii('lock');
const OWNER: Bytes = ascii('owner');
const ANNOUNCED: Bytes = ascii('announced');

/** Each turn means that another merge ended in between; more than this many in a row does not happen. */
const TURNS_MAX = 1000;

/** What a merge needs of a lock that is held, by this process or for it. */
export interface HeldLock {
  /** The state directory, which holds the journal. */
  readonly state: DirHandle;
  /** The time that the root gets when the lock is given back: what it had, unless a merge changed it. A refused one leaves no trace at all. */
  rootTime: Timestamp | undefined;
}

/** The root is ours until this is disposed. */
export interface RootLock extends HeldLock, Disposable {
  /** A child that inherits it holds the lock too, until it ends. */
  readonly file: FileHandle;
  /** Gives up our share of the lock and leaves its files: a child that cannot be ended holds it still. */
  abandon(): void;
}

/**
 * Takes the root for one merge (G5). flock(2) decides: it ends with its holder, however that is stopped, and a
 * suspended holder keeps it. The owner file is for people, `announce` for programs that know proper-lockfile.
 *
 * @throws MergeError LOCKED with who holds it, and what openState throws.
 */
export function lockRoot(root: DirHandle, fs: FsPort, emit: Emit, announce: Announce | undefined): RootLock {
  const before = statDirectory(root, fs).mtime;
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const state = openState(root, fs);
    try {
      const file = tryLock(root, state, fs);
      if (file !== 'vanished') return holding(root, state, file, before, fs, emit, announce);
    } catch (error) {
      fs.closeDir(state);
      const left = whyNot(() => fs.rmdir(root, STATE_DIRECTORY));
      if (left === undefined) restoreTime(root, before, fs);
      throw error;
    }
    fs.closeDir(state);
  }
  throw new Error('bug: the lock file vanished again and again');
}

/** What goes with a lock that was just taken. */
function holding(
  root: DirHandle,
  state: DirHandle,
  file: FileHandle,
  before: Timestamp,
  fs: FsPort,
  emit: Emit,
  announce: Announce | undefined,
): RootLock {
  const warn = (warning: Warning): void => emit({ type: 'warning', warning });
  let end = (): void => {};
  let abandoned = false;
  const lock: RootLock = {
    state,
    file,
    rootTime: before,
    abandon: () => {
      abandoned = true;
      fs.closeFile(file);
      fs.closeDir(state);
    },
    [Symbol.dispose]: () => {
      if (abandoned) return;
      const left = [whyNot(end), ...release(root, state, file, fs)].filter((why) => why !== undefined);
      if (lock.rootTime !== undefined) restoreTime(root, lock.rootTime, fs);
      for (const why of left)
        warn({ code: 'LEFT_BEHIND', message: `the lock is given back, but its files stay: ${why}` });
    },
  };
  try {
    // We hold the lock: whoever announced that before us is gone.
    removeIfThere(() => fs.rmdir(state, ANNOUNCED));
    const unsaid = whyNot(() => writeOwner(state, fs));
    if (unsaid !== undefined)
      warn({ code: 'LOCK_COMPROMISED', message: `the lock is held but says not by whom: ${unsaid}` });
    const path = fs.pathOf?.(state);
    if (path !== undefined && announce !== undefined)
      end = tryAnnounce(() => announce(`${path}/${ANNOUNCED}`, warn), warn);
    return lock;
  } catch (error) {
    whyNot(() => removeOwner(state, fs));
    whyNot(() => fs.unlink(state, LOCK));
    fs.closeFile(file);
    throw explain(error, 'NO_SPACE', 'cannot write to the state directory');
  }
}

/** @throws MergeError LOCKED */
function tryLock(root: DirHandle, state: DirHandle, fs: FsPort): FileHandle | 'vanished' {
  let file: FileHandle;
  try {
    file = openOrCreate(state, fs);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return 'vanished';
    throw explain(error, 'PERMISSION', 'cannot write to the state directory');
  }
  try {
    if (!fs.tryFlock(file)) throw held(state, fs);
    // The last holder may have removed file and directory between our open and our lock.
    const here = fs.stat(state, LOCK)?.ino === fs.statHandle(file).ino;
    const there = fs.stat(root, STATE_DIRECTORY)?.ino === fs.stat(state, HERE)?.ino;
    if (here && there) return file;
  } catch (error) {
    fs.closeFile(file);
    throw error;
  }
  fs.closeFile(file);
  return 'vanished';
}

function held(state: DirHandle, fs: FsPort): MergeError {
  const owner = readOwner(state, fs);
  const who = owner === undefined ? '' : `: ${owner}`;
  return new MergeError('LOCKED', `another merge works on this root${who}`, { outcome: 'locked' });
}

function openOrCreate(state: DirHandle, fs: FsPort): FileHandle {
  try {
    return fs.createFile(state, LOCK, 0o600);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    return fs.openFile(state, LOCK);
  }
}

/** A lock that cannot be shown (a full disk) is a lock all the same. */
function tryAnnounce(announce: () => () => void, warn: (warning: Warning) => void): () => void {
  try {
    return announce();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    warn({ code: 'LOCK_COMPROMISED', message: `the lock is held but cannot be shown to others: ${why}` });
    return () => {};
  }
}

/**
 * The lock file goes while it is locked: whoever opened it before sees another inode there, or none, and turns again.
 * Whatever of it fails, the rest is tried: the lock itself ends with its handle. @returns what failed
 */
function release(root: DirHandle, state: DirHandle, file: FileHandle, fs: FsPort): (string | undefined)[] {
  const failed = [whyNot(() => removeOwner(state, fs)), whyNot(() => fs.unlink(state, LOCK))];
  fs.closeFile(file);
  fs.closeDir(state);
  // ENOTEMPTY: a journal waits for recovery, or the next merge is already there.
  return [...failed, whyNot(() => fs.rmdir(root, STATE_DIRECTORY), 'ENOTEMPTY', 'EEXIST', 'ENOENT')];
}

/** Why something that can be left undone failed; undefined when it did not, or with one of `expected`. */
function whyNot(act: () => void, ...expected: readonly string[]): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (isErrno(error, ...expected) && expected.length > 0) return undefined;
    if (isErrno(error)) return error.message;
    throw error;
  }
}

function writeOwner(state: DirHandle, fs: FsPort): void {
  removeOwner(state, fs);
  const file = fs.createFile(state, OWNER, 0o600);
  try {
    fs.write(file, Buffer.from(JSON.stringify(describeSelf())));
  } finally {
    fs.closeFile(file);
  }
}

function readOwner(state: DirHandle, fs: FsPort): string | undefined {
  try {
    const file = fs.openFile(state, OWNER);
    try {
      return describeOwner(readWhole(file, fs).toString('utf8'));
    } finally {
      fs.closeFile(file);
    }
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

function removeOwner(state: DirHandle, fs: FsPort): void {
  removeIfThere(() => fs.unlink(state, OWNER));
}

function removeIfThere(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
