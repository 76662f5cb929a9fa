import type { Bytes } from '@emplace/syscalls';
import type { ProcessDirectory, ProcessState } from '../processes/process.ts';
import { sameFile } from '../processes/read.ts';
import { readArguments } from './arguments.ts';
import { type Evidence, isAlive, isSince, type Successor } from './classify.ts';
import type { Present } from './found.ts';
import { isDeleted, oddPath, pathsBefore, withoutDeleted } from './image-paths.ts';
import type { World } from './inspect.ts';
import type { HeldAs } from './model.ts';
import { isInternalName } from './objects.ts';
import type { View } from './resolve.ts';
import { isInterpreter } from './scripts.ts';

export interface Held {
  readonly held: HeldAs;
  readonly shown: Bytes;
  readonly file: Present;
  readonly exact: boolean;
}

/** What is known of a held file, all looked up anew: what was seen earlier in the scan may have been replaced since. */
export function gather(
  one: Held,
  process: ProcessDirectory,
  ownView: View,
  world: World,
  stateOf: () => ProcessState | undefined,
): Evidence {
  const { held, shown, file } = one;
  const { lies, view } = whereIs(one, ownView, world);
  const literal = lies === 'mounted' ? view.find(shown) : 'unknown';
  const stripped = lies === 'mounted' && isDeleted(shown) ? view.find(withoutDeleted(shown)) : 'absent';
  const alive = isAlive({ ...one, literal });
  const meant = alive ? shown : withoutDeleted(shown);
  const path = view.own(meant) ?? meant;
  const odd = oddPath(path, world.imageDirectories);
  const state = stateOf();
  const started = state === undefined ? undefined : world.booted + state.startedAfterBoot;
  // When overlay copies a file up it is made anew. Those of a layer on another disk have a device that nothing else has.
  const isCopied = view.mounts().isOverlay(file.mountId) && !view.mounts().hasDevice(file.dev);
  const mayHaveMoved = alive && started !== undefined && (held === 'exe' || held === 'library');
  return {
    ...one,
    file: isCopied ? { ...file, btime: undefined } : file,
    path,
    // A path that does not begin with the root of its view is one of ours: of a chrooted process, what is outside.
    root: view.own(meant) === undefined ? world.views.host.root : view.root,
    lies,
    pinned: view.mounts().isPinned(file.mountId),
    literal,
    stripped,
    odd: odd && { ...odd, found: odd.destination === undefined ? 'unknown' : view.findOwn(odd.destination) },
    successors: mayHaveMoved ? successorsOf(one, path, view, started, state?.command, process) : [],
    started,
    now: world.now,
  };
}

/** A process that left for a mount namespace of its own still holds files by mounts of the one it came from: ours, maybe. */
function whereIs({ shown, file }: Held, own: View, { views }: World): { lies: Evidence['lies']; view: View } {
  const view = [own, views.host].find((one) => one.mounts().hasMount(file.mountId));
  const hasDevice = views.mounts.hasDevice(file.dev) || own.mounts().hasDevice(file.dev);
  // A file of that name can be made on any disk. The devices of btrfs are not listed, but its mounts are.
  const isInternal = isInternalName(shown) && !hasDevice && (file.mountId === undefined || view === undefined);
  if (isInternal) return { lies: 'memory', view: own };
  return view === undefined ? { lies: 'unreachable', view: own } : { lies: 'mounted', view };
}

/** Files that may lie where this one lay before it was moved. */
function successorsOf(
  { held, file }: Held,
  path: Bytes,
  view: View,
  started: number,
  command: Bytes | undefined,
  process: ProcessDirectory,
): Successor[] {
  const paths = pathsBefore(path).map((before) => ({
    path: before,
    because: 'another file lies where it was, by its name',
  }));
  if (held === 'exe' && isSince(started, file)) paths.push(...startedAs(path, command ?? ('' as Bytes), process));
  return paths.flatMap(({ path: where, because }) => {
    const found = view.findOwn(where);
    return typeof found === 'string' || sameFile(found, file) ? [] : [{ path: where, file: found, because }];
  });
}

/** A program keeps the name that it was started by, in its command and as its first argument, if it does not change them. */
function startedAs(path: Bytes, command: Bytes, process: ProcessDirectory): { path: Bytes; because: string }[] {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  // The command of a script is that of the script, and cut when it is longer.
  if (isInterpreter(name) || command === '' || command.length >= 15) return [];
  const [first = '', ...rest] = readArguments(process);
  if (rest.some((argument) => argument === command || argument.endsWith(`/${command}`))) return [];
  const found = [];
  if (command !== name)
    found.push({
      path: `${path.slice(0, slash)}/${command}` as Bytes,
      because: 'another program lies where it was started',
    });
  if (first.startsWith('/') && first.endsWith(`/${command}`) && !first.startsWith('/proc/')) {
    found.push({ path: first as Bytes, because: 'another program lies where it was started' });
  }
  return found;
}
