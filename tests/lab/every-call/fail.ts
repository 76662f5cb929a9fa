import { TOP } from '@emplace/fixtures';
import { type CallName, errnosOf, failAt } from '@emplace/fixtures/faults';
import { linuxPort, MergeError, recoverSync, type Warning } from '@emplace/merge-core';
import { closeOpenedSince, openDescriptors } from './descriptors.ts';
import type { Operation } from './operations.ts';
import type { World } from './world.ts';

/** What came of one call that failed. */
interface Failed {
  /** `call 17, rename ENOSPC`; undefined when that call was not made, or is one that does not fail. */
  readonly fault: string | undefined;
  /** There was a call of that number. */
  readonly isReached: boolean;
  readonly outcome: string;
  readonly tree: 'old' | 'new' | 'neither';
  /** What should not be. */
  readonly wrong: readonly string[];
}

/** Lets call number `n` of an operation fail, recovers where that is needed, and looks at what is left. @param choice which of its errnos */
export function failCall(world: World, operation: Operation, n: number, choice: number): Failed {
  world.restore();
  const before = openDescriptors();
  const warnings: Warning[] = [];
  let fault: string | undefined;
  let isReached = false;
  const errno = (name: CallName): string | undefined => {
    const errnos = errnosOf(name);
    const chosen = errnos[choice % errnos.length];
    isReached = true;
    fault = chosen && `call ${n}, ${name} ${chosen}`;
    return chosen;
  };
  const ended = endOf(() =>
    operation(world.place, {
      fs: failAt(linuxPort(), n, errno),
      onEvent: (event) => {
        if (event.type === 'warning') warnings.push(event.warning);
      },
    }),
  );
  const wrong = [...ended.wrong, ...closeOpenedSince(before)];
  const left = warnings.filter(({ code }) => code === 'LEFT_BEHIND');
  // What is in use, as a mount point is, stays: with a word about it.
  const isTold = (path: string): boolean => left.some(({ message }) => message.includes(path.replace(/^.*\//s, '')));
  const names = world.ownNames();
  if (ended.outcome === 'incomplete' || left.length > 0) {
    recoverSync({ root: world.root, sync: 'none' });
    const stay = world.ownNames().filter((name) => !isTold(name));
    wrong.push(...stay.map((name) => `after recover: ${name}`));
  } else wrong.push(...names);
  const { tree, differences } = world.see(left.length === 0 ? [] : [TOP, ...world.paths().filter(isTold)]);
  if (tree === 'neither' || (ended.tree !== undefined && tree !== ended.tree)) wrong.unshift(tree, ...differences);
  if (tree === 'old' && ended.outcome !== 'incomplete') {
    const image = world.seeImage();
    wrong.push(...image.map((difference) => `image: ${difference}`));
    // What was told may be the time of the root.
    if (image.length === 0 && left.length === 0) world.keep();
  }
  return { fault, isReached, outcome: ended.outcome, tree, wrong };
}

function endOf(act: () => unknown): {
  readonly outcome: string;
  /** Which it has to be. */
  readonly tree?: 'old' | 'new';
  readonly wrong: readonly string[];
} {
  try {
    act();
    return { outcome: 'done', tree: 'new', wrong: [] };
  } catch (error) {
    if (!(error instanceof MergeError)) return { outcome: 'untyped', wrong: [`untyped: ${String(error)}`] };
    return { outcome: error.outcome, wrong: [], ...(error.outcome !== 'incomplete' && { tree: 'old' }) };
  }
}
