import { isErrno, type SyscallError } from '@emplace/syscalls';
import { HERE } from '../paths.ts';
import type { Knowledge } from '../plan/knowledge.ts';
import type { Placement } from '../plan/model.ts';
import { siteRefusals } from '../strategy/strategy.ts';
import { directoryOf, type Transaction } from './transaction.ts';

/**
 * A rename that its site promised and this pair of directories refuses: between project quotas, out of an encrypted
 * directory, on file systems with borders of their own. The merge goes back, and is planned again without.
 */
export class RefusedThere extends Error {
  readonly placement: Placement;
  override readonly cause: SyscallError;

  constructor(placement: Placement, cause: SyscallError) {
    super(cause.message, { cause });
    this.placement = placement;
    this.cause = cause;
  }

  /** From now on nothing is renamed at that site. @returns whether that is new */
  learn(t: Transaction, knowledge: Knowledge): boolean {
    const { image, target } = directoryOf(t, this.placement);
    const source = image === undefined ? undefined : t.image && t.fs.stat(t.image.at(image), HERE);
    const place = t.fs.stat(t.root.at(target), HERE);
    const planned = t.plan.sites.find(
      ({ site }) =>
        site.source.mountId === source?.mountId &&
        site.source.dev === source.dev &&
        site.target.mountId === place?.mountId &&
        site.target.dev === place.dev,
    );
    if (planned === undefined || knowledge.refusal(planned.site, 'rename') !== undefined) return false;
    const { code } = this.cause;
    knowledge.learn(planned.site, 'rename', {
      answer: 'no',
      errno: code,
      why: `${code} in \`${this.cause.paths.join(' → ')}\``,
    });
    return true;
  }
}

/** Does what moves an entry out of the image; that the site refuses it after all is told apart. */
export function moving<T>(placement: Placement, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (placement.staging !== 'made' && isErrno(error, ...siteRefusals)) throw new RefusedThere(placement, error);
    throw error;
  }
}
