import type { Fact, FactName, LeakReport, ProbedSite } from '@emplace/fsprobe';
import { builtIn, cleanFact } from '../strategy/select.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { Unmeasured } from './questions.ts';

/** What one strategy is good for between the two directories. */
export interface StrategyVerdict {
  readonly name: string;
  /** `yes` only where all that it needs was measured and works. */
  readonly works: Fact;
  /** Whether a process that holds a replaced file goes on to show its own path. */
  readonly clean: Fact;
}

/** What `auto` takes for data and new entries, and for what a process may run; undefined: nothing is known to work. */
export interface Choice {
  readonly data: string | undefined;
  readonly programs: string | undefined;
}

/** What of the built-in strategies works, and what a merge would choose of that. */
export function choose(
  probed: ProbedSite,
  leaks: LeakReport | Unmeasured | undefined,
): { readonly strategies: readonly StrategyVerdict[]; readonly choice: Choice } {
  const strategies = builtIn.map((strategy) => ({
    name: strategy.name,
    works: worksAt(strategy, probed),
    clean: seen(strategy.name, leaks) ?? probed.facts[cleanFact(strategy)],
  }));
  const working = strategies.filter(({ works }) => works.answer === 'yes');
  const programs = working.find(({ clean }) => clean.answer !== 'no') ?? working[0];
  return { strategies, choice: { data: working[0]?.name, programs: programs?.name } };
}

function worksAt(strategy: Strategy, { site, facts }: ProbedSite): Fact {
  const errno = strategy.refusedAt(site);
  if (errno !== undefined) return { answer: 'no', errno, why: errno };
  // Each has to make something in the target, be it only a name.
  const needs = [facts.create, ...(strategy.needs ?? []).map((name: FactName) => facts[name])];
  const yes: Fact = { answer: 'yes' };
  return needs.find(({ answer }) => answer === 'no') ?? needs.find(({ answer }) => answer !== 'yes') ?? yes;
}

/** What real processes showed goes before what a descriptor of our own did. */
function seen(name: string, leaks: LeakReport | Unmeasured | undefined): Fact | undefined {
  if (leaks === undefined || 'notMeasured' in leaks || !leaks.judged) return undefined;
  const verdict = leaks.ways.find((way) => way.name === name);
  switch (verdict?.verdict) {
    case 'clean':
      return { answer: 'yes' };
    case 'leaks':
      return { answer: 'no', why: `shows ${verdict.leaks.map(({ where }) => where).join(', ')}` };
    default:
      return undefined;
  }
}
