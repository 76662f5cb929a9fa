import { TOP } from '@emplace/fixtures';
import { recoverSync } from '@emplace/merge-core';
import type { operations } from './operations.ts';
import { type Command, failTraced } from './under-strace.ts';
import type { World } from './world.ts';

/** Of those that the command line is asked for. */
export type CommandName = Exclude<keyof typeof operations, 'merge by copy, without links'>;

/** The command line for an operation in a place. */
export function commandOf(name: CommandName, place: string, image = `${place}/image`): string[] {
  const root = `${place}/root`;
  const database = ['--root', root, '--vdb', `${root}/var/db/pkg`, '--config-protect', '/etc'];
  switch (name) {
    case 'merge':
      return ['merge', image, '--root', root, '--replace-types', '--directories', 'image'];
    case 'upgrade':
      return ['merge', image, ...database, '--package', 'app-misc/app-2', '--build-info', `${root}-build-info`];
    case 'unmerge':
      return ['unmerge', 'app-misc/app-1', ...database];
    default:
      return name satisfies never;
  }
}

/** By exit code; docs/ERRORS.md. */
const OUTCOMES: Readonly<Record<string, { readonly outcome: string; readonly tree?: 'old' | 'new' }>> = {
  0: { outcome: 'done', tree: 'new' },
  2: { outcome: 'refused', tree: 'old' },
  3: { outcome: 'refused', tree: 'old' },
  4: { outcome: 'rolled-back', tree: 'old' },
  5: { outcome: 'incomplete' },
};

/** Lets the n-th call of one name fail in the processes of a command, recovers where that is needed, and looks at what is left. */
export function failCommand(world: World, command: Command, call: string, errno: string, n: number) {
  world.restore();
  const { status, stdout, stderr, traced, left } = failTraced(command, call, errno, n);
  const ended = OUTCOMES[String(status)];
  const wrong = left.map((pid) => `process ${pid} still runs`);
  if (ended === undefined) wrong.push(`ended with ${status}: ${stderr.slice(-500)}`);
  const said = `${stdout}${stderr}`;
  const isLeft = said.includes('LEFT_BEHIND');
  if (ended?.outcome === 'incomplete' || isLeft) recoverSync({ root: world.root, sync: 'none' });
  // What is in use, as a mount point is, stays: with a word about it.
  const told = isLeft ? [TOP, ...world.paths().filter((path) => said.includes(`\`${path}\``))] : [];
  wrong.push(...world.ownNames());
  const { tree, differences } = world.see(told);
  if (tree === 'neither' || (ended?.tree !== undefined && tree !== ended.tree)) wrong.unshift(tree, ...differences);
  const isHit = traced.includes('(INJECTED)');
  return { isReached: isHit, outcome: ended?.outcome ?? 'untyped', tree, wrong };
}
