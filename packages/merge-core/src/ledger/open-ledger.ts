import type { Bytes } from '@emplace/syscalls';
import { explain } from '../errors.ts';
import type { MergeRequest } from '../options.ts';
import { excluder } from '../plan/exclude.ts';
import type { PlanLedger } from '../plan/ruling.ts';
import type { Steps } from '../steps.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import type { Trees } from '../trees.ts';
import type { ImageEntry } from './image-list.ts';
import { type LedgerReport, PackagePlan } from './package-plan.ts';
import type { ImageContent } from './read-entry.ts';
import { readImage } from './read-image.ts';
import { type LedgerFacts, readLedger } from './read-ledger.ts';

/** The ledger of one merge, its database locked. */
export interface Ledger extends Disposable {
  /** The ledger's part of a plan; begun anew with each plan. */
  begin(): PlanLedger;
  /**
   * Reads what the image brings, before anything of it is moved: CONTENTS will tell of it.
   * @param isLater tells what is read when it is copied
   */
  readImage(work: SharedWork, isLater: (path: Bytes) => boolean): Steps<void>;
  /** What was read of the image so far, by path below it. */
  readonly contents: Map<Bytes, ImageContent>;
  /** How much there is to read of the image and to remove of the root. */
  readonly toDo: { readonly entries: number; readonly bytes: number };
  /** What the last plan that was begun does of packages. Asked for when it is carried out. */
  report(): LedgerReport;
}

/**
 * The package database, locked (but for a dry run) and read; undefined when the merge keeps none.
 * @throws MergeError LOCKED, VDB_DAMAGED, CONTENTS_DAMAGED, CONFIG_MEMORY_INVALID, PORTAGE_CONFIG_INVALID, NOT_INSTALLED, BAD_OPTION, IMAGE_UNREADABLE
 */
export function* openLedger(
  { ledger, exclude, dryRun, fs }: MergeRequest,
  { image, root }: Trees,
): Steps<Ledger | undefined> {
  if (ledger === undefined) return undefined;
  const excluded = excluder({ exclude, masked: new Set() });
  let facts: LedgerFacts;
  try {
    facts = yield* readLedger(ledger, { image, root, excluded, locks: !dryRun, fs });
  } catch (error) {
    // Whoever may write to directories of the root can swap them while they are read.
    throw explain(error, 'IMAGE_UNREADABLE', 'the trees cannot be read');
  }
  let last: PackagePlan | undefined;
  const contents = new Map<Bytes, ImageContent>();
  let begun = false;
  const { going, image: list } = facts;
  const entries = list?.entries ?? [];
  return {
    toDo: {
      entries: going.reduce((sum, version) => sum + version.entries.length, entries.length),
      bytes: bytesOf(entries),
    },
    contents,
    begin: () => {
      last = new PackagePlan(facts, contents);
      return last;
    },
    readImage: (work, isLater) => readImage(entries, isLater, contents, work),
    report: () => {
      begun = true;
      return last?.report(dryRun) ?? { replaced: [], linksKept: [], verdicts: [] };
    },
    [Symbol.dispose]: () => {
      // Of what is refused not even a cache is left in the root.
      if (begun && !dryRun) last?.saveOwners();
      facts[Symbol.dispose]();
    },
  };
}

function bytesOf(entries: readonly ImageEntry[]): number {
  return entries.reduce((sum, { stat }) => sum + (stat.type === 'file' ? stat.size : 0), 0);
}
