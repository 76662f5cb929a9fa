import { type Bytes, SyscallError } from '@emplace/syscalls';
import type { Boundary } from './boundary.ts';

/** A path and the innermost boundary that it lies beyond. `path` may be the boundary's own: a mount point itself. */
export interface Crossing {
  readonly path: Bytes;
  readonly boundary: Boundary;
}

/** An absolute path, or a component that is empty, `.` or `..`. */
const INDIRECT = /(?:^|\/)\.{0,2}(?:\/|$)/;

/**
 * Which paths lie beyond a boundary, in the order of `paths`; the others are not named. By text alone: a symlink on
 * the way is not followed. A mount that is hidden is crossed by nobody; one that could not be looked at counts.
 * @param boundaries as boundariesUnder returns them; the one at `''` is the directory itself and not crossed
 * @param paths relative to the same directory (`''` is itself), straight: no `.`, `..` or empty components
 * @throws SyscallError EINVAL for a path that is not straight: its answer would be wrong
 */
export function crossings(boundaries: readonly Boundary[], paths: Iterable<Bytes>): Crossing[] {
  const innermost = new Map<string, Boundary | undefined>([['', undefined]]);
  for (const boundary of boundaries) {
    if (boundary.path !== '' && boundary.reach !== 'hidden') innermost.set(boundary.path, boundary);
  }
  const crossed: Crossing[] = [];
  for (const path of paths) {
    if (path !== '' && INDIRECT.test(path)) throw new SyscallError('EINVAL', 'crossings', [path]);
    // Only directories are remembered: leaves are asked for once.
    const boundary = innermost.get(path) ?? beyond(parentOf(path), innermost);
    if (boundary !== undefined) crossed.push({ path, boundary });
  }
  return crossed;
}

function beyond(directory: string, innermost: Map<string, Boundary | undefined>): Boundary | undefined {
  const unknown: string[] = [];
  let at = directory;
  for (; !innermost.has(at); at = parentOf(at)) unknown.push(at);
  const boundary = innermost.get(at);
  for (const path of unknown) innermost.set(path, boundary);
  return boundary;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}
