import type { Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { type Problem, quoted } from '../errors.ts';
import { HERE } from '../paths.ts';
import type { Steps } from '../steps.ts';
import { isProblem, type Place, type RealPaths } from './real-paths.ts';

const SETUID_SETGID = 0o6000;

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
 * @param paths all entries of all versions in the slot that go
 * @returns one SUSPICIOUS_HARD_LINK for each such file
 */
export function* suspiciousHardLinks(paths: Iterable<Bytes>, real: RealPaths): Steps<Problem[]> {
  const files = new Map<string, Names>();
  for (const path of paths) {
    yield 'stoppable';
    const place = real.place(path);
    if (place === undefined || isProblem(place)) continue;
    const stat = real.stat(place);
    if (stat === undefined || !isSuspect(stat)) continue;
    const key = `${stat.dev}:${stat.ino}`;
    const names = files.get(key) ?? { path, nlink: stat.nlink, known: new Set() };
    files.set(key, names);
    names.known.add(nameKey(place, real));
  }
  return [...files.values()].filter(({ nlink, known }) => known.size < nlink).map(problemOf);
}

function isSuspect({ type, mode, nlink }: Stat): boolean {
  return type === 'file' && nlink > 1 && (mode & SETUID_SETGID) !== 0;
}

function nameKey({ directory, name }: Place, real: RealPaths): string {
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
