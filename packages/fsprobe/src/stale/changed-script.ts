import { ascii, type Bytes, readlinkat, S_IFMT, S_IFREG } from '@emplace/syscalls';
import type { ProcessDirectory } from '../processes/process.ts';
import { attempt, isUnread, sameFile } from '../processes/read.ts';
import { readArguments } from './arguments.ts';
import { CLOCK_S, isSince } from './classify.ts';
import { type Present, statFile } from './found.ts';
import { isDeleted, withoutDeleted } from './image-paths.ts';
import type { Confidence, Finding } from './model.ts';
import type { View } from './resolve.ts';
import { type Script, scriptOf } from './scripts.ts';

/**
 * The script that an interpreter runs, if that has changed since the process started. What it is comes from the arguments,
 * which the process may have written over; only shells keep it open, and prove it.
 * @param started seconds since 1970
 * @returns `unknown` where what lies there cannot be looked at
 */
export function changedScript(
  process: ProcessDirectory,
  program: string,
  view: View,
  started: number | undefined,
  now: number,
): Finding | 'unknown' | undefined {
  const script = scriptOf(program, readArguments(process));
  if (script === undefined || started === undefined) return undefined;
  for (const name of script.names) {
    const path = absolute(name, process, view);
    if (path === undefined) continue;
    const found = view.findOwn(path);
    if (found === 'unknown') return 'unknown';
    if (found === 'absent' || (found.mode & S_IFMT) !== S_IFREG) continue;
    const held = openScript(process, script, path, view);
    const change = changeOf(held, found, started, now);
    if (change === undefined) return undefined;
    const { dev, ino } = found;
    const heldFile = held === undefined ? {} : { heldFile: { dev: held.dev, ino: held.ino } };
    return {
      class: 'changed-script',
      ...change,
      held: 'script',
      shown: path,
      path,
      leaks: false,
      ...heldFile,
      presentFile: { dev, ino },
      owners: [],
    };
  }
  return undefined;
}

function changeOf(
  held: Present | undefined,
  found: Present,
  started: number,
  now: number,
): { readonly confidence: Confidence; readonly evidence: readonly string[] } | undefined {
  if (held !== undefined && !sameFile(held, found)) {
    return { confidence: 'high', evidence: ['it has another script open than lies there'] };
  }
  if (found.mtime > started + CLOCK_S && found.mtime < now + CLOCK_S) {
    return { confidence: 'medium', evidence: ['written to after the process started'] };
  }
  if (held !== undefined) return undefined;
  if (found.btime !== undefined && found.btime > started + CLOCK_S) {
    return { confidence: 'medium', evidence: ['made after the process started'] };
  }
  // Whoever links a file (pnpm does, by the thousand) changes nothing of it but this time.
  if (!isSince(started, found) || found.nlink > 1) return undefined;
  return { confidence: 'low', evidence: ['put there or given other attributes after the process started'] };
}

/** The script that a shell has open: it is the one when it shows that path, with or without ` (deleted)`. */
function openScript({ fd }: ProcessDirectory, { descriptors }: Script, path: Bytes, view: View): Present | undefined {
  for (const descriptor of descriptors) {
    const link = ascii(`fd/${descriptor}`);
    const shown = attempt(() => readlinkat(fd, link));
    const file = attempt(() => statFile(fd, link));
    if (isUnread(shown) || isUnread(file) || file === undefined) continue;
    const own = view.own(isDeleted(shown) ? withoutDeleted(shown) : shown);
    if (own === path || view.own(shown) === path) return file;
  }
  return undefined;
}

function absolute(name: Bytes, { fd }: ProcessDirectory, view: View): Bytes | undefined {
  if (name.startsWith('/')) return name;
  const cwd = attempt(() => readlinkat(fd, ascii('cwd')));
  if (isUnread(cwd) || isDeleted(cwd)) return undefined;
  // Relative to where it is now, which need not be where it started.
  const own = cwd === '/' ? cwd : view.own(cwd);
  return own === undefined ? undefined : (`${own === '/' ? '' : own}/${name.replace(/^(?:\.\/+)+/, '')}` as Bytes);
}
