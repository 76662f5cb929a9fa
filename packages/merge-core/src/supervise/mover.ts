import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { announceByHand } from '../announce.ts';
import { MergeError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { writeChanges } from '../hooks/changes-file.ts';
import { identityOf } from '../identity.ts';
import { lockRoot, type RootLock } from '../lock.ts';
import { mergeLocked } from '../merge.ts';
import { host, type MergeRequest } from '../options.ts';
import { statDirectory } from '../plan/survey.ts';
import { isBegun, NOTHING, recoverLocked } from '../recovery.ts';
import type { Steps } from '../steps.ts';
import { builtIn } from '../strategy/select.ts';
import { openRootAlone, openTrees, pathsOf } from '../trees.ts';
import { inFlight } from './in-flight.ts';
import {
  CHANNELS,
  type Job,
  type LastWord,
  type Message,
  type PlainRequest,
  PROTOCOL,
  plainError,
  type RecoverTask,
} from './protocol.ts';

/** What a mover is connected with. */
export interface Connection {
  readonly fs: FsPort;
  readonly say: (message: Message) => void;
  /** Waits for what the supervisor says to what was said. @throws what it says against it */
  readonly answered: () => void;
  /** Refuses a tree that does not answer. */
  readonly check: (path: MergeRequest['root']) => void;
  /** Drives the engine to its end, stopping where the supervisor wants it to; `lock` is kept fresh. */
  readonly drive: <T>(steps: Steps<T>, lock: RootLock) => T;
}

/** Does one job: opens what it needs, says `ready`, takes the lock, works, says what came of it, and gives the lock back. */
export function move(job: Job, connection: Connection): void {
  const { say } = connection;
  try {
    if (job.task.do === 'merge') merge(job.task.request, job, connection);
    else recover(job.task, job, connection);
  } catch (error) {
    say({ say: 'failed', error: plainError(error) });
  }
}

function merge(plain: PlainRequest, job: Job, connection: Connection): void {
  const { fs, say, check, drive } = connection;
  for (const tree of pathsOf(plain)) check(tree);
  using trees = openTrees({ ...plain, fs });
  begin(trees.root, connection);
  using lock = lockAgreed(trees.root, job, connection);
  say({ say: 'holding', ...(lock.rootTime && { rootTime: lock.rootTime }) });
  const request = requestFrom(plain, eventsTo(say), fs);
  say(outcomeOf(() => ({ say: 'merged', report: drive(mergeLocked(request, trees, lock), lock) })));
}

function recover(task: RecoverTask, job: Job, connection: Connection): void {
  const { fs, say, check, drive } = connection;
  const { root: path, rollback, durable, after } = task;
  if (after === undefined) check(path);
  using tree = openRootAlone(path, fs);
  begin(tree.root, connection);
  if (!isBegun(tree.root, fs)) {
    say({ say: 'recovered', recovery: NOTHING });
    return;
  }
  using lock = lockAgreed(tree.root, job, connection);
  if (after?.rootTime !== undefined) lock.rootTime = after.rootTime;
  say({ say: 'holding', ...(lock.rootTime && { rootTime: lock.rootTime }) });
  const order = { root: path, rollback, durable, emit: eventsTo(say), fs };
  say(outcomeOf(() => ({ say: 'recovered', recovery: drive(recoverLocked(order, tree.root, lock), lock) })));
}

/** The handshake: which root it is that we opened. Nothing was touched so far. */
function begin(root: DirHandle, { fs, say, answered }: Connection): void {
  say({ say: 'ready', protocol: PROTOCOL, root: identityOf(statDirectory(root, fs)) });
  answered();
}

/** The lock, or that of a mover before us; how long another's is waited for is the supervisor's to say. */
function lockAgreed(root: DirHandle, { supervisor }: Job, { fs, say, answered }: Connection): RootLock {
  const flight = inFlight([CHANNELS.toFlight, CHANNELS.fromFlight]);
  for (;;) {
    try {
      return lockRoot(root, fs, { emit: eventsTo(say), announce: announceByHand, inFlight: flight, supervisor });
    } catch (error) {
      if (!(error instanceof MergeError) || error.code !== 'LOCKED') throw error;
      say({ say: 'locked', error: plainError(error) });
      answered();
    }
  }
}

/** A failure is told before the lock is given back: that may never return. */
function outcomeOf(work: () => LastWord): LastWord {
  try {
    return work();
  } catch (error) {
    return { say: 'failed', error: plainError(error) };
  }
}

function eventsTo(say: Connection['say']): Emit {
  return (event) => say({ say: 'event', event });
}

function requestFrom(plain: PlainRequest, emit: Emit, fs: FsPort): MergeRequest {
  return {
    ...plain,
    ...host,
    registry: builtIn,
    dryRun: false,
    changing: (changes) => writeChanges(CHANNELS.changed, changes),
    emit,
    fs,
    threads: { ...plain.threads, page: CHANNELS.page },
  };
}
