import type { Bytes } from '@emplace/syscalls';
import { globMatcher } from './glob.ts';
import { type Change, type Changes, type Hook, pathOf, type Trigger } from './hook.ts';

type Meets = (change: Change) => boolean;

/** Whether a change meets any trigger of a hook. */
function meets({ triggers }: Pick<Hook, 'triggers'>): Meets {
  if (triggers === undefined) return () => true;
  const each = triggers.map(meetsTrigger);
  return (change) => each.some((one) => one(change));
}

function meetsTrigger({ operations, targets }: Trigger): Meets {
  const last = targets.toReversed().map((target) => {
    const wanted = !target.startsWith('!');
    return { wanted, matches: globMatcher((wanted ? target : target.slice(1)) as Bytes) };
  });
  return (change) => {
    if (typeof change !== 'string' && !operations.includes(change.operation)) return false;
    const path = pathOf(change);
    return last.find(({ matches }) => matches(path))?.wanted === true;
  };
}

/** The hooks that have something to do, in their order. Reads the changes up to where that is known. */
export async function dueHooks(hooks: readonly Hook[], changes: Changes): Promise<Hook[]> {
  const due = new Set(hooks.filter(({ triggers }) => triggers === undefined));
  let waiting = hooks.filter((hook) => !due.has(hook)).map((hook) => ({ hook, isMet: meets(hook) }));
  if (waiting.length > 0) {
    for await (const change of changes) {
      const met = waiting.filter(({ isMet }) => isMet(change));
      if (met.length === 0) continue;
      for (const { hook } of met) due.add(hook);
      waiting = waiting.filter(({ hook }) => !due.has(hook));
      if (waiting.length === 0) break;
    }
  }
  return hooks.filter((hook) => due.has(hook));
}

const CHUNK_PATHS = 4096;

/** The paths that meet a hook's triggers, each ended by a NUL, as chunks for its stdin. */
export async function* targetsOf(hook: Hook, changes: Changes): AsyncGenerator<Uint8Array> {
  const isMet = meets(hook);
  let paths: Bytes[] = [];
  for await (const change of changes) {
    if (!isMet(change)) continue;
    paths.push(pathOf(change));
    if (paths.length < CHUNK_PATHS) continue;
    yield chunkOf(paths);
    paths = [];
  }
  if (paths.length > 0) yield chunkOf(paths);
}

function chunkOf(paths: readonly Bytes[]): Buffer {
  return Buffer.from(`${paths.join('\0')}\0`, 'latin1');
}
