import { explain, refuse } from '../errors.ts';
import type { MergeRequest } from '../options.ts';
import { tracked } from '../progress.ts';
import type { Steps } from '../steps.ts';
import type { Trees } from '../trees.ts';
import { planMerge } from './image.ts';
import type { Knowledge } from './knowledge.ts';
import type { Plan } from './model.ts';
import { planRemoval } from './removal.ts';
import { noLedger, type PlanLedger } from './ruling.ts';

/** A plan that can be carried out; else the merge is refused with all that speaks against it. */
export function* planned(
  { image, root }: Trees,
  request: MergeRequest,
  knowledge: Knowledge,
  ledger: { begin(): PlanLedger } = { begin: () => noLedger },
): Steps<Plan> {
  const { fs, emit } = request;
  const steps =
    image === undefined
      ? planRemoval(root, request, knowledge, fs, ledger.begin())
      : planMerge(image, root, request, knowledge, fs, () => ledger.begin());
  let plan: Plan;
  try {
    plan = yield* tracked('plan', undefined, emit, steps);
  } catch (error) {
    throw explain(error, 'IMAGE_UNREADABLE', 'the trees cannot be read');
  }
  if (plan.problems.length > 0) throw refuse(plan.problems);
  return plan;
}
