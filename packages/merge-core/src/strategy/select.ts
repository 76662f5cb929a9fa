import { canRenameDirectories, type Fact, type FactName, type Site } from '@emplace/fsprobe';
import { MergeError } from '../errors.ts';
import type { Knowledge } from '../plan/knowledge.ts';
import { copy } from './copy.ts';
import { doubleRename } from './double-rename.ts';
import { hardlink } from './hardlink.ts';
import { reflink } from './reflink.ts';
import { rename } from './rename.ts';
import type { Strategy } from './strategy.ts';

/** Cheapest first: the order in which `auto` takes them. */
export const builtIn: readonly Strategy[] = [rename, doubleRename, hardlink, reflink, copy];

/** What the caller wants of strategies. */
export interface Choice {
  /** `auto` or a strategy's name: one that is forced is the only rung. */
  readonly strategy: string;
  /** link(2) may be called. */
  readonly links: boolean;
  readonly keepImage: boolean;
  readonly registry: readonly Strategy[];
}

/** The rungs to try at one site, cheapest first; `refused` are those that it rules out, with the errno it would give. */
export interface Ladder {
  readonly rungs: readonly Strategy[];
  /** The first after which a process that holds the replaced file does not show a path of ours (G9), if there is one. */
  readonly clean: Strategy | undefined;
  readonly refused: ReadonlyMap<string, string>;
}

/** @throws MergeError UNKNOWN_STRATEGY, BAD_OPTION when what is forced contradicts another wish. */
export function checkChoice(choice: Choice): void {
  if (choice.strategy === 'auto') return;
  const forced = choice.registry.find((strategy) => strategy.name === choice.strategy);
  if (forced === undefined) throw new MergeError('UNKNOWN_STRATEGY', `there is no strategy \`${choice.strategy}\``);
  if (forced.traits.links && !choice.links) {
    throw new MergeError('BAD_OPTION', `strategy \`${forced.name}\` makes hard links, which \`--no-hardlink\` forbids`);
  }
  if (forced.traits.staging !== 'made' && choice.keepImage) {
    throw new MergeError(
      'BAD_OPTION',
      `strategy \`${forced.name}\` takes entries out of the image, which \`--keep-image\` forbids`,
    );
  }
}

/** The rungs for `site`, from what is known of it. `reflink` measures whether FICLONE works there. */
export function ladderFor(site: Site, choice: Choice, knowledge: Knowledge, reflink: () => Fact): Ladder {
  const refused = new Map<string, string>();
  const refusalOf = (strategy: Strategy): string | undefined => {
    const passive = strategy.refusedAt(site);
    if (passive !== undefined) return passive;
    for (const name of strategy.needs ?? []) {
      if (name === 'reflink' && knowledge.of(site).reflink === undefined) learnReflink(reflink());
      const why = knowledge.refusal(site, name);
      if (why !== undefined) return why;
    }
    return undefined;
  };
  const learnReflink = (fact: Fact): void => {
    if (fact.answer !== 'not-measured') knowledge.learn(site, 'reflink', fact);
  };
  const rungs = choice.registry.filter((strategy) => {
    if (choice.strategy !== 'auto' && strategy.name !== choice.strategy) return false;
    if (strategy.traits.links && !choice.links) return false;
    if (strategy.traits.staging !== 'made' && choice.keepImage) return false;
    const why = refusalOf(strategy);
    if (why !== undefined) refused.set(strategy.name, why);
    return why === undefined;
  });
  const clean = rungs.find((strategy) => knowledge.refusal(site, cleanFact(strategy)) === undefined);
  return { rungs, clean, refused };
}

/** What must be true for a strategy to leave no path of ours in processes that hold what it replaces. */
export function cleanFact({ traits }: Strategy): FactName {
  return traits.staging === 'in-image' ? 'cleanRename' : 'cleanStaged';
}

/** Whether a rung brings a directory in by renaming it, all content with it. Others make it anew, entry by entry. */
export function movesWhole(strategy: Strategy, site: Site, knowledge: Knowledge): boolean {
  if (strategy.traits.staging === 'made' || !canRenameDirectories(site)) return false;
  return knowledge.refusal(site, 'renameDirectory') === undefined;
}
