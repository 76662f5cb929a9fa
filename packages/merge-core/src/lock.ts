import { type DirHandle, type FileHandle, type FsPort, restoreTime, type Timestamp } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import { ANNOUNCED, type Announce, type Announcement } from './announce.ts';
import { explain, MergeError } from './errors.ts';
import type { Emit, MergeEvent, Warning } from './events.ts';
import { closeUnwritten } from './fs/close-unwritten.ts';
import { type Caller, readOwner, removeOwner, timeLeft, writeOwner } from './lock-owner.ts';
import { HERE } from './paths.ts';
import { statDirectory } from './plan/survey.ts';
import { findState, openState, STATE_DIRECTORY } from './state.ts';

const LOCK: Bytes = ascii('lock');

/** Each turn means that another merge ended in between; more than this many in a row does not happen. */
const TURNS_MAX = 1000;

/** What a merge needs of a lock that is held. */
export interface HeldLock {
  /** The state directory, which holds the journal. */
  readonly state: DirHandle;
  /** The time that the root gets when the lock is given back: what it had, unless a merge changed it. A refused one leaves no trace at all. */
  rootTime: Timestamp | undefined;
}

/** The root is ours until this is disposed. */
export interface RootLock extends HeldLock, Disposable {
  /** For who has no timers: called often, keeps the lock looking fresh. */
  keepFresh(): void;
}

/** Where a second reference to a held lock waits, which outlives this process: see supervise/in-flight.ts. */
export interface InFlight {
  put(file: FileHandle): void;
  take(): FileHandle | undefined;
}

/** How a root is locked. */
export interface LockTerms {
  /** Told of what is not as it should be, and not in the way. */
  readonly emit: Emit;
  readonly announce?: Announce;
  readonly inFlight?: InFlight;
  /** Whom we hold it for. */
  readonly supervisor?: Caller;
}

/**
 * Takes the root for one merge (G5), or takes over a lock in flight. flock(2) decides: it ends with its holders, however they
 * are stopped, and a suspended one keeps it. The owner file is for people, `announce` for programs that know proper-lockfile.
 *
 * @throws MergeError LOCKED with who holds it, LOCK_UNAVAILABLE, ROOT_UNUSABLE, and what openState throws.
 */
export function lockRoot(root: DirHandle, fs: FsPort, terms: LockTerms): RootLock {
  const before = timeOf(root, fs);
  const inherited = takeOver(root, fs, terms);
  if (inherited !== undefined) return holding(root, inherited.state, inherited.file, before, fs, terms);
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const state = openState(root, before, fs);
    if (state === undefined) continue;
    try {
      const file = tryLock(root, state, fs);
      if (file !== 'vanished') {
        keepInFlight(file, terms);
        return holding(root, state, file, before, fs, terms);
      }
    } catch (error) {
      fs.closeDir(state);
      const left = whyNot(() => fs.rmdir(root, STATE_DIRECTORY));
      if (left === undefined) whyNot(() => restoreTime(root, before, fs));
      else if (!(error instanceof MergeError && error.code === 'LOCKED'))
        // Who does not hold the lock must not remove its file: another may hold it by now.
        terms.emit(leftBehind(`the root could not be locked, and the files for that stay: ${left}`));
      throw error;
    }
    fs.closeDir(state);
  }
  throw new Error('bug: the lock vanished again and again');
}

function timeOf(root: DirHandle, fs: FsPort): Timestamp {
  try {
    return statDirectory(root, fs).mtime;
  } catch (error) {
    throw explain(error, 'ROOT_UNUSABLE', 'the root cannot be looked at');
  }
}

function leftBehind(message: string): MergeEvent {
  return { type: 'warning', warning: { code: 'LEFT_BEHIND', message } };
}

/** A lock whose holder is gone and that nobody else can have had since; none when its holder had begun to give it back. */
function takeOver(
  root: DirHandle,
  fs: FsPort,
  { inFlight }: LockTerms,
): { readonly state: DirHandle; readonly file: FileHandle } | undefined {
  const file = inFlight && landed(inFlight);
  if (file === undefined) return undefined;
  const state = findState(root, fs);
  if (state !== undefined) {
    if (isTheLock(root, state, file, fs)) return { state, file };
    fs.closeDir(state);
  }
  closeUnwritten(file, fs);
  return undefined;
}

/** @throws MergeError LOCK_UNAVAILABLE: it may be held there still (ENOBUFS, ENOMEM), and then nobody else gets it either. */
function landed(inFlight: InFlight): FileHandle | undefined {
  try {
    return inFlight.take();
  } catch (error) {
    throw explain(error, 'LOCK_UNAVAILABLE', 'the lock of the process before cannot be taken over');
  }
}

/** Before anything else is done with it. */
function keepInFlight(file: FileHandle, { inFlight, emit }: LockTerms): void {
  const unkept = inFlight && whyNot(() => inFlight.put(file));
  if (unkept === undefined) return;
  const message = `the lock is held, but would not outlive the process that holds it: ${unkept}`;
  emit({ type: 'warning', warning: { code: 'LOCK_COMPROMISED', message } });
}

/** What goes with a lock that was just taken. */
function holding(
  root: DirHandle,
  state: DirHandle,
  file: FileHandle,
  before: Timestamp,
  fs: FsPort,
  { emit, announce, inFlight, supervisor }: LockTerms,
): RootLock {
  const warn = (warning: Warning): void => emit({ type: 'warning', warning });
  // We hold the lock: whoever announced that before us is gone.
  whyNot(() => fs.rmdir(state, ANNOUNCED));
  const rootTime = timeBefore(state, before, fs);
  const unsaid = whyNot(() => writeOwner(state, supervisor, rootTime, fs));
  if (unsaid !== undefined)
    warn({ code: 'LOCK_COMPROMISED', message: `the lock is held but says not by whom: ${unsaid}` });
  const announcement = announce && tryAnnounce(() => announce(state, fs, warn), warn);
  const lock: RootLock = {
    state,
    rootTime,
    keepFresh: () => announcement?.keepFresh(),
    [Symbol.dispose]: () => {
      const unended = announcement && whyNot(() => announcement.end());
      const left = [unended, ...release(root, state, file, inFlight, fs)].filter((why) => why !== undefined);
      for (const why of left)
        warn({ code: 'LEFT_BEHIND', message: `the lock is given back, but its files stay: ${why}` });
      const { rootTime: time } = lock;
      const untimed = time && whyNot(() => restoreTime(root, time, fs));
      if (untimed !== undefined)
        warn({ code: 'LEFT_BEHIND', message: `the root has the time of the lock, not the one before: ${untimed}` });
    },
  };
  return lock;
}

/** The time of the root is that of a state directory which a killed holder made, unless somebody changed the root since. */
function timeBefore(state: DirHandle, now: Timestamp, fs: FsPort): Timestamp {
  const left = timeLeft(state, fs);
  return left !== undefined && !isLater(now, left.written) ? left.was : now;
}

function isLater(one: Timestamp, other: Timestamp): boolean {
  return one.sec === other.sec ? one.nsec > other.nsec : one.sec > other.sec;
}

/** @throws MergeError LOCKED, LOCK_UNAVAILABLE, PERMISSION */
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
    if (isTheLock(root, state, file, fs)) return file;
  } catch (error) {
    closeUnwritten(file, fs);
    throw explain(error, 'LOCK_UNAVAILABLE', 'the root cannot be locked');
  }
  closeUnwritten(file, fs);
  return 'vanished';
}

/** The last holder may have removed file and directory between our open and our lock. */
function isTheLock(root: DirHandle, state: DirHandle, file: FileHandle, fs: FsPort): boolean {
  const here = fs.stat(state, LOCK)?.ino === fs.statHandle(file).ino;
  const there = fs.stat(root, STATE_DIRECTORY)?.ino === fs.stat(state, HERE)?.ino;
  return here && there;
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
function tryAnnounce(announce: () => Announcement, warn: (warning: Warning) => void): Announcement | undefined {
  try {
    return announce();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    warn({ code: 'LOCK_COMPROMISED', message: `the lock is held but cannot be shown to others: ${why}` });
    return undefined;
  }
}

/**
 * The lock file goes while it is locked: whoever opened it before sees another inode there, or none, and turns again.
 * Whatever of it fails, the rest is tried: the lock itself ends with its handles. @returns what failed
 */
function release(
  root: DirHandle,
  state: DirHandle,
  file: FileHandle,
  inFlight: InFlight | undefined,
  fs: FsPort,
): (string | undefined)[] {
  const failed = [whyNot(() => removeOwner(state, fs)), whyNot(() => fs.unlink(state, LOCK))];
  failed.push(whyNot(() => land(inFlight, fs)));
  closeUnwritten(file, fs);
  fs.closeDir(state);
  // ENOTEMPTY: a journal waits for recovery, or the next merge is already there.
  return [...failed, whyNot(() => fs.rmdir(root, STATE_DIRECTORY), 'ENOTEMPTY', 'EEXIST', 'ENOENT')];
}

/** Here, and not with the socket: the last close of a file that is unlinked works on its file system, and may hang there. */
function land(inFlight: InFlight | undefined, fs: FsPort): void {
  const file = inFlight?.take();
  if (file !== undefined) closeUnwritten(file, fs);
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
