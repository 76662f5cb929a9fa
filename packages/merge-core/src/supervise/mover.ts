import type { DirHandle, FsPort } from '@emplace/fsprobe';
import type { Emit } from '../events.ts';
import { writeChanges } from '../hooks/changes-file.ts';
import { identityOf } from '../identity.ts';
import type { HeldLock } from '../lock.ts';
import { mergeLocked, openTrees, recoverLocked } from '../merge.ts';
import { host, type MergeRequest } from '../options.ts';
import { statDirectory } from '../plan/survey.ts';
import { findState } from '../state.ts';
import type { Steps } from '../steps.ts';
import { builtIn } from '../strategy/select.ts';
import { openRoot } from '../trees.ts';
import { CHANNELS, type Job, type Message, type PlainRequest, PROTOCOL, plainError } from './protocol.ts';

/** What a mover is connected with. */
export interface Connection {
  readonly say: (message: Message) => void;
  /** Drives the engine to its end, stopping where the supervisor wants it to. */
  readonly drive: <T>(steps: Steps<T>) => T;
  /** Waits until the supervisor agrees: from then on the root is ours to work on. */
  readonly begin: () => void;
}

/** Does one job: opens what it needs, says `ready`, works once that is agreed, and says how it ended. */
export function move({ task }: Job, fs: FsPort, connection: Connection): void {
  const { say, drive, begin } = connection;
  const emit: Emit = (event) => say({ say: 'event', event });
  let lock: HeldLock | undefined;
  const ready = (root: DirHandle): HeldLock => {
    say({ say: 'ready', protocol: PROTOCOL, root: identityOf(statDirectory(root, fs)) });
    begin();
    return heldLock(root, fs, task.do === 'merge' ? task.request.rootTime : undefined);
  };
  try {
    if (task.do === 'merge') {
      using trees = openTrees({ ...task.request, fs });
      lock = ready(trees.root);
      say({ say: 'merged', report: drive(mergeLocked(requestFrom(task.request, emit, fs), trees, lock)) });
    } else {
      const root = openRoot(task.root, fs);
      lock = ready(root);
      const { rollback, durable } = task;
      say({
        say: 'recovered',
        recovery: drive(recoverLocked({ root: task.root, rollback, durable, emit, fs }, root, lock)),
      });
    }
  } catch (error) {
    say({ say: 'failed', error: plainError(error), ...(lock?.rootTime && { rootTime: lock.rootTime }) });
  }
}

/** The supervisor's lock, which this process inherited: nothing is locked or given back here. */
function heldLock(root: DirHandle, fs: FsPort, rootTime: HeldLock['rootTime']): HeldLock {
  const state = findState(root, fs);
  if (state === undefined) throw new Error('bug: the root is not locked');
  return { state, rootTime };
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
  };
}
