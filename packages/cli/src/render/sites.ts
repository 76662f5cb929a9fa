import { describeSite } from '@emplace/fsprobe';
import type { Losable, MergeReport, SiteReport } from '@emplace/merge-core';
import { jsonPath } from './json.ts';

type Fact = NonNullable<SiteReport['facts'][keyof SiteReport['facts']]>;

/** One line a site: where from, where to, how, and the facts that decided it. */
export function renderSites({ sites }: Pick<MergeReport, 'sites'>): string[] {
  return sites.map(({ site, rungs, refused, facts, placements, beyond }) => {
    const not = Object.entries(refused).map(([name, why]) => `not ${name}: ${why}`);
    const asked = Object.entries(facts).map(([name, fact]) => `${name} ${renderFact(fact)}`);
    const why = asked.length === 0 ? 'not asked yet' : `measured: ${asked.join(', ')}`;
    const where = beyond === undefined ? '' : ` ${placements} beyond a boundary (${beyond})`;
    return `site: ${describeSite(site)}:${where} ${[rungs[0] ?? 'nothing works', ...not].join('; ')} (${why})`;
  });
}

export function renderFact(fact: Fact): string {
  if (fact.answer === 'yes') return 'yes';
  return fact.answer === 'no' ? `no: ${fact.why}` : `not measured: ${fact.why}`;
}

/** How many entries lost what. */
export function renderLost({ lost }: Pick<MergeReport, 'lost'>): string[] {
  if (lost.length === 0) return [];
  const counts = new Map<Losable, number>();
  for (const { what } of lost) for (const one of what) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [`lost, as \`--lossy\` accepts: ${[...counts].map(([what, count]) => `${what} of ${count}`).join(', ')}`];
}

/** For programs: paths as text, facts whole. */
export function sitesJson({ sites, lost }: MergeReport): object {
  return {
    sites: sites.map(({ image, target, site, ...rest }) => ({
      between: describeSite(site),
      image: jsonPath(image),
      target: jsonPath(target),
      ...rest,
    })),
    lost: lost.map(({ path, what }) => ({ path: jsonPath(path), what })),
  };
}
