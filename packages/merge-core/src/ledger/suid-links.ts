import type { Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { type Problem, quoted } from '../errors.ts';
import { HERE, splitPath } from '../paths.ts';
import { isProblem, type RealPaths } from './real-paths.ts';
import type { Verdict } from './unmerge-model.ts';

const SETUID_SETGID = 0o6000;

/** What was decided on it does not count, only how it was found. */
type Entry = Pick<Verdict, 'path' | 'target' | 'type' | 'reason' | 'stat'>;

interface Names {
  readonly path: Bytes;
  readonly nlink: number;
  /** Directory (device and inode) and name: one name that is seen through a bind mount or a symlink counts once. */
  readonly known: Set<string>;
}

/**
 * (I.6) Set-user-ID and set-group-ID files with more names than the packages have of them: who made the others keeps
 * the old program, with its holes, when it is removed or replaced.
 *
 * @param entries all of all versions in the slot that go
 * @returns one SUSPICIOUS_HARD_LINK for each such file
 */
export function suspiciousHardLinks(entries: Iterable<Entry>, real: RealPaths): Problem[] {
  const files = new Map<string, Names>();
  for (const entry of entries) {
    if (entry.type !== 'obj') continue;
    const { target, stat } = looked(entry, real);
    if (stat === undefined || !isSuspect(stat)) continue;
    const key = `${stat.dev}:${stat.ino}`;
    const names = files.get(key) ?? { path: entry.path, nlink: stat.nlink, known: new Set() };
    files.set(key, names);
    names.known.add(nameKey(target, real));
  }
  return [...files.values()].filter(({ nlink, known }) => known.size < nlink).map(problemOf);
}

/** Outside of the prefix nobody looked: nothing is removed there, but it may be replaced. */
function looked({ path, target, stat, reason }: Entry, real: RealPaths): Pick<Entry, 'target' | 'stat'> {
  if (reason !== '!prefix' || stat !== undefined) return { target, ...(stat && { stat }) };
  const place = real.place(path);
  const found = place === undefined || isProblem(place) ? undefined : real.stat(place);
  return place === undefined || isProblem(place) || found === undefined
    ? { target }
    : { target: place.path, stat: found };
}

function isSuspect({ type, mode, nlink }: Stat): boolean {
  return type === 'file' && nlink > 1 && (mode & SETUID_SETGID) !== 0;
}

function nameKey(target: Bytes, real: RealPaths): string {
  const { parent: directory, name } = splitPath(target);
  const parent = real.stat({ directory, name: HERE });
  return `${parent?.dev}:${parent?.ino}/${name}`;
}

function problemOf({ path, nlink, known }: Names): Problem {
  const others = nlink - known.size;
  const count = others === 1 ? 'a hard link that no package lists' : `${others} hard links that no package lists`;
  return {
    code: 'SUSPICIOUS_HARD_LINK',
    path,
    message: `${quoted(path)} is setuid or setgid and has ${count}: a user may keep the old program that way`,
  };
}
