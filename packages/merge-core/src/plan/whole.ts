import type { Stat } from '@emplace/fsprobe';
import type { Strategy } from '../strategy/strategy.ts';
import type { Current } from './placing.ts';
import type { Sites } from './sites.ts';
import type { Survey } from './survey.ts';

/**
 * The rung by which a directory goes in as a whole. In a swap there is no other way, so each rung is asked; else only
 * the first: making and filling the directory by it is cheaper than a later rung. Where something may be lost each entry is
 * looked at by itself.
 */
export function wholeBy(
  { site, stat: above, ladder }: Current,
  stat: Stat,
  survey: Survey,
  swap: boolean,
  sites: Sites,
): Strategy | undefined {
  // A mount point cannot be renamed, and below another mount works what works there.
  if (stat.mountId !== above.mountId || stat.dev !== above.dev || survey.crosses !== undefined) return undefined;
  const candidates = swap ? ladder.rungs : ladder.rungs.slice(0, 1);
  return candidates.find((rung) => {
    if (rung.traits.staging === 'made') return !sites.mayLose(site);
    return sites.movesWhole(rung, site) && survey.stays === undefined;
  });
}
