import { ascii, type Bytes } from '@emplace/syscalls';
import type { HookPhase } from '../steps.ts';
import type { Hook } from './hook.ts';
import { text } from './start.ts';

/** What a hook is told of the merge. */
export interface HookFacts {
  /** Id of the transaction. */
  readonly transaction: string;
  /** Absolute. The hook starts in it: the paths that it gets are below it. */
  readonly root: Bytes;
  readonly image: Bytes | undefined;
  /** What became of the merge, after its commit point: `merged` or `recovered`. */
  readonly outcome?: string;
  /** Whether a file, by its real path, was placed in this transaction: see `spawnProgram`. */
  readonly isFresh?: (path: Bytes) => boolean;
}

/** What a clean environment has: enough to find the system's own programs. */
const CLEAN: NodeJS.ProcessEnv = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C.UTF-8',
  HOME: '/',
};

/**
 * The environment of a hook: EMPLACE_PHASE, EMPLACE_HOOK (its name), EMPLACE_TRANSACTION, EMPLACE_ROOT, EMPLACE_IMAGE and,
 * after the commit point, EMPLACE_OUTCOME; the rest is this process's own, less whatever else starts with EMPLACE_.
 *
 * Not guaranteed: values of our own environment that are not UTF-8 are changed by Node when it reads them.
 * @throws SpawnError EILSEQ for a root or image whose path is not UTF-8
 */
export function environmentOf(hook: Hook, phase: HookPhase, facts: HookFacts, clean: boolean): NodeJS.ProcessEnv {
  const own = clean ? CLEAN : process.env;
  return {
    ...Object.fromEntries(Object.entries(own).filter(([name]) => !name.startsWith('EMPLACE_'))),
    EMPLACE_PHASE: phase,
    EMPLACE_HOOK: text(hook.name),
    EMPLACE_TRANSACTION: text(ascii(facts.transaction)),
    EMPLACE_ROOT: text(facts.root),
    ...(facts.image !== undefined && { EMPLACE_IMAGE: text(facts.image) }),
    ...(facts.outcome !== undefined && { EMPLACE_OUTCOME: facts.outcome }),
  };
}
