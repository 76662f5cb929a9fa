import { realpathSync } from 'node:fs';
import { type Bytes, toBuffer, toBytes } from '@emplace/syscalls';
import type { Emit } from '../events.ts';
import type { HookPhase } from '../steps.ts';
import type { ChangedPath } from '../transaction/changed-paths.ts';
import type { Hook } from './hook.ts';
import { type HookReport, type HookSettings, runHooks } from './run-hooks.ts';

/** The hooks of one merge. */
export interface HookRunner {
  /** Phases that have any. */
  readonly phases: readonly HookPhase[];
  /** What became of those that ran, so far. */
  readonly reports: readonly HookReport[];
  /** Phases that have begun. */
  readonly begun: ReadonlySet<HookPhase>;
  /**
   * What must be done before the commit point can be stopped, by our caller and by `gone`: when who waits for it is. What
   * follows it is part of what was merged, and goes on to its end.
   * @throws MergeError HOOK_NOT_STARTED, HOOK_FAILED, INTERRUPTED before the commit point
   */
  run(phase: HookPhase, changes: Iterable<ChangedPath>, gone?: AbortSignal): Promise<void>;
}

interface About {
  readonly transaction: string;
  /** Absolute, as the caller wrote them. */
  readonly root: Bytes;
  readonly image: Bytes | undefined;
  readonly emit: Emit;
}

export function hookRunner(hooks: readonly Hook[], about: About, settings: HookSettings): HookRunner {
  const { transaction, root, image, emit } = about;
  const reports: HookReport[] = [];
  const begun = new Set<HookPhase>();
  const { signal, ...rest } = settings;
  return {
    phases: [...new Set(hooks.map(({ phase }) => phase))],
    reports,
    begun,
    async run(phase, changes, gone) {
      begun.add(phase);
      let fresh: ReadonlySet<Bytes> | undefined;
      // Asked only of the programs that a hook starts: most merges have no hook of their own files.
      const isFresh = (path: Bytes): boolean => {
        fresh ??= new Set(Array.from(changes, (change) => change.path));
        const below = pathBelow(realPath(root), path);
        return below !== undefined && fresh.has(below);
      };
      const outcome = phase.startsWith('post-') ? { outcome: 'merged' } : {};
      const facts = { transaction, root, image, ...outcome, isFresh };
      const watch: Emit = (event) => {
        if (event.type === 'hook-ended') reports.push(event.report);
        emit(event);
      };
      const stops = phase.startsWith('pre-') ? [signal, gone].filter((one) => one !== undefined) : [];
      const passed = stops.length === 0 ? rest : { ...rest, signal: AbortSignal.any(stops) };
      await runHooks(phase, hooks, facts, changes, watch, passed);
    },
  };
}

function realPath(path: Bytes): Bytes {
  return toBytes(realpathSync.native(toBuffer(path), 'buffer'));
}

function pathBelow(root: Bytes, path: Bytes): Bytes | undefined {
  const prefix = root === '/' ? '/' : `${root}/`;
  return path.startsWith(prefix) ? (path.slice(prefix.length) as Bytes) : undefined;
}
