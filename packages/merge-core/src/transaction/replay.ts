import type { Bytes } from '@emplace/syscalls';
import { identicals } from '../plan/identicals.ts';
import type { Plan, PlannedDirectory, PlannedSite, Removal } from '../plan/model.ts';
import { Placements } from '../plan/placements.ts';
import type { Begin, JournalRecord, SiteRecord, StagedFact } from './records.ts';

/** How far the transaction of a journal came: what recovery has to do follows from it alone. */
export interface Verdict {
  /** `staging`: roll back. `committed`: complete, or roll back from undo. `rolling-back`: go on with that. `placed`: clean up. */
  readonly phase: 'staging' | 'committed' | 'rolling-back' | 'placed';
  readonly plan: Plan;
}

/** Pure: records in, verdict out. */
export function replay(records: readonly JournalRecord[]): Verdict {
  let begin: Begin | undefined;
  let phase: Verdict['phase'] = 'staging';
  const directories: PlannedDirectory[] = [];
  const placements = new Placements();
  const identical = identicals();
  const removals: Removal[] = [];
  const locks: Bytes[] = [];
  const masked = new Set<Bytes>();
  const sites: PlannedSite[] = [];
  for (const record of records) {
    switch (record.type) {
      case 'begin':
        begin = record;
        break;
      case 'directory':
        directories.push(record.directory);
        break;
      case 'placement':
        placements.add(record.placement);
        break;
      case 'identical':
        identical.push(record.identical);
        break;
      case 'removal':
        removals.push(record.removal);
        break;
      case 'masked':
        masked.add(record.path);
        break;
      case 'lock':
        locks.push(record.path);
        break;
      case 'site':
        sites.push(unmeasured(record));
        break;
      case 'planned':
        break;
      case 'commit':
        for (const fact of record.staged) apply(fact, placements);
        for (const [index, removal] of removals.entries()) removal.undo = record.kept[index] ?? removal.undo;
        phase = 'committed';
        break;
      case 'rollback':
        phase = 'rolling-back';
        break;
      case 'placed':
        phase = 'placed';
        break;
      default:
        record satisfies never;
    }
  }
  if (begin === undefined) throw new Error('bug: a journal without its beginning');
  const { transaction, image, keepImage, lossy, exclude } = begin;
  const counts = { created: 0, replaced: 0, identical: 0, grafted: 0, skipped: 0, removed: 0 };
  const plan: Plan = {
    transaction,
    image,
    keepImage,
    lossy,
    exclude,
    masked,
    directories,
    placements,
    identical,
    removals,
    locks,
    records: [],
    protected: [],
    sites,
    lost: [],
    counts,
    bytes: 0,
    warnings: [],
    problems: [],
  };
  return { phase, plan };
}

/** Of a site only the place is of use to recovery. */
function unmeasured({ image, target }: SiteRecord): PlannedSite {
  const nowhere = { dev: 0, mountId: 0, magic: 0 };
  const site = { source: nowhere, target: nowhere };
  return { site, ...(image && { image }), target, rungs: [], refused: new Map(), placements: 0, relies: new Set() };
}

function apply({ index, ino, staging, undo }: StagedFact, placements: Placements): void {
  if (index < placements.length) placements.revise(index, { placedIno: ino, staging, undo });
}
