import { type Bytes, toBytes } from '@emplace/syscalls';
import picomatch from 'picomatch';
import type { Plan } from './model.ts';

/** Says whether a path below the image stays out of the merge; a directory that does takes all below it along. */
export type Excluded = (path: Bytes) => boolean;

/**
 * Globs over paths below the image, without a leading slash. A glob without a slash matches a name at any
 * depth; a leading slash ties it to the top; `**` crosses directories; names that start with a dot match too. They match bytes:
 * `?` is one byte. What a probe left is never part of a merge.
 */
export function excluder({ exclude, masked }: Pick<Plan, 'exclude' | 'masked'>): Excluded {
  const globs = matcher(exclude);
  return masked.size === 0 ? globs : (path) => masked.has(path) || globs(path);
}

function matcher(globs: readonly string[]): Excluded {
  if (globs.length === 0) return isProbe;
  const matchers = globs.map((glob) => {
    const pattern = toBytes(glob.replace(/\/+$/, ''));
    const anchored = pattern.includes('/');
    const matches = picomatch(pattern.replace(/^\/+/, ''), { dot: true, nonegate: true, flags: 's' });
    return (path: Bytes) => matches(anchored ? path : path.slice(path.lastIndexOf('/') + 1));
  });
  return (path) => isProbe(path) || matchers.some((matches) => matches(path));
}

/** What a probe that was killed may have left in an image (see fsprobe): nothing of any package. */
function isProbe(path: Bytes): boolean {
  return path.startsWith('.emplace-probe-', path.lastIndexOf('/') + 1);
}
