import type { FsPort } from '@emplace/fsprobe';
import type { DigestName } from '../ledger/digests.ts';
import { type ImageContent, type ReadEntry, readEntry } from '../ledger/read-entry.ts';
import type { OpenDirectories } from '../open-directories.ts';
import type { Climber } from '../strategy/climb.ts';
import { type Discard, discard } from '../transaction/discard.ts';
import { type ForgetEntry, type Forgotten, forgetEntry } from '../transaction/forget-entry.ts';
import { type KeepEntry, type Kept, keepBeside } from '../transaction/keep-beside.ts';
import { type RemoveDirectory, removeDirectory } from '../transaction/remove-directories.ts';
import { type StagedEntry, type StageEntry, stageEntry } from '../transaction/stage-entry.ts';
import { type TakeAway, takeAway } from '../transaction/take-away.ts';
import type { PlainFailure } from './failure.ts';

/** What can be done in any order and by any thread, and what comes of it. Both are plain data: they go to another thread and back. */
export interface Tasks {
  /** Reads an entry of the image. */
  readonly read: { readonly task: ReadEntry; readonly result: ImageContent };
  /** Makes a second entry of one of the image. */
  readonly stage: { readonly task: StageEntry; readonly result: StagedEntry | undefined };
  /** Keeps an old entry of the root under a second name. */
  readonly keep: { readonly task: KeepEntry; readonly result: Kept | undefined };
  /** Takes a name of the root away, once it was kept. */
  readonly takeAway: { readonly task: TakeAway; readonly result: boolean };
  /** Removes what was kept. */
  readonly forget: { readonly task: ForgetEntry; readonly result: Forgotten };
  /** Removes an entry of the image. */
  readonly discard: { readonly task: Discard; readonly result: PlainFailure | undefined };
  /** Removes an empty directory. */
  readonly removeDirectory: { readonly task: RemoveDirectory; readonly result: PlainFailure | undefined };
}

export type TaskName = keyof Tasks;

/** What a thread works with: a port, directories and memory of its own. */
export interface Workplace {
  readonly fs: FsPort;
  /** undefined where there is none, or none any more. */
  readonly image: OpenDirectories | undefined;
  readonly root: OpenDirectories;
  /** What is wanted of each file that is read. */
  readonly digests: readonly DigestName[];
  readonly buffer: Buffer;
  readonly climber: Climber;
}

type Performers = { readonly [name in TaskName]: (task: Tasks[name]['task'], at: Workplace) => Tasks[name]['result'] };

const performers: Performers = {
  read: readEntry,
  stage: stageEntry,
  keep: keepBeside,
  takeAway,
  forget: forgetEntry,
  discard,
  removeDirectory,
};

/** Does one task. @throws what it throws */
export function perform<Name extends TaskName>(
  name: Name,
  task: Tasks[Name]['task'],
  at: Workplace,
): Tasks[Name]['result'] {
  return performers[name](task, at);
}
