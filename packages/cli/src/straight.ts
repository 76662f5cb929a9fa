import type { StartedMover } from '@emplace/merge-core';
import type { Config } from '@oclif/core';
import { commands } from './commands.ts';

/** Commands that have a process work for them, and what keeps them from it. */
const HAS_MOVER = ['merge', 'unmerge', 'recover'];
const HAS_NONE = /^--(?:in-process|dry-run|request(?:=.*)?)$/;

/** What a command's class is to who runs it. */
interface Runnable {
  id: string;
  new (words: string[], config: Config): { mover?: StartedMover | undefined; _run(): Promise<unknown> };
}

/**
 * What oclif's configuration tells a command while it runs. There are no plugins, hooks and themes to look for in the file
 * system, which is most of what loading the real one does.
 */
const config = {
  bin: 'emplace',
  userAgent: 'emplace',
  runHook: async () => ({ successes: [], failures: [] }),
  scopedEnvVarKeys: () => [],
} as unknown as Config;

/**
 * Loads the command that `words` name: a function that runs it.
 *
 * @returns undefined when they name none, or ask for help. The function gives false when they are not what the command takes. Then
 * nothing was done, and it is for oclif, loaded with all that it knows, to say.
 */
export async function commandOf(words: readonly string[]): Promise<(() => Promise<boolean>) | undefined> {
  const end = words.indexOf('--');
  if (words.slice(0, end === -1 ? undefined : end).includes('--help')) return undefined;
  const count = words[0] === 'config' ? 2 : 1;
  const id = words.slice(0, count).join(':');
  const load = Object.hasOwn(commands, id) ? commands[id] : undefined;
  if (load === undefined) return undefined;
  const hasMover = HAS_MOVER.includes(id) && !words.some((word) => HAS_NONE.test(word));
  const mover = hasMover ? (await import('./start-ahead.ts')).startMoverAhead() : undefined;
  const Found = (await load()) as unknown as Runnable;
  Found.id = id;
  return async () => {
    using _ = mover;
    const command = new Found(words.slice(count), config);
    if (mover !== undefined) command.mover = mover;
    try {
      await command._run();
    } catch (error) {
      // Only the parser's errors have it, and it does nothing but read the words.
      if (error instanceof Error && 'parse' in error) return false;
      throw error;
    }
    return true;
  };
}
