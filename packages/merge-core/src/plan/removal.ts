import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { OpenDirectories } from '../open-directories.ts';
import type { Steps } from '../steps.ts';
import { Additions } from './additions.ts';
import { Draft } from './draft.ts';
import type { Knowledge } from './knowledge.ts';
import type { Plan } from './model.ts';
import { emptyPlan, type PlanRequest } from './request.ts';
import { Room } from './room.ts';
import type { PlanLedger } from './ruling.ts';
import { Sites } from './sites.ts';

/** A plan without an image: what goes, and what is recorded of that. Reads only. */
export function* planRemoval(
  root: DirHandle,
  request: PlanRequest,
  knowledge: Knowledge,
  fs: FsPort,
  ledger: PlanLedger,
): Steps<Plan> {
  using directories = new OpenDirectories(fs, root);
  const plan = emptyPlan(request, undefined, ledger.masked);
  const draft = new Draft(plan);
  const room = new Room(fs);
  const sites = new Sites(request, knowledge, fs);
  yield* ledger.complete(draft, new Additions(draft, room, sites, directories, request, fs));
  room.check(draft);
  plan.sites.push(...sites.planned);
  draft.warnOfExposed(request.holders);
  return plan;
}
