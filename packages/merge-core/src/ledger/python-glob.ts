import { type Bytes, show } from '@emplace/syscalls';
import { MergeError } from '../errors.ts';
import { GLOB_BYTES_MAX, starMatcher, unit } from '../hooks/glob.ts';

/** A bracket that is never closed is none, and one that starts with `]` has it as a member. */
const TOKEN = /\*+|\?|\[((?:!|(?!!))(?:\][^\]]*|[^\]]+))\]|./gs;
/** A range, or one byte. */
const MEMBER = /(.)-(.)|./gs;

/**
 * Whether bytes match a glob as Python's fnmatch module has it, by which all lists of Portage go: `*` is any run of
 * bytes, slashes included, `?` is one byte, `[a-z]` one of several, `[!a-z]` one of all others. Unlike in fnmatch(3) a
 * backslash is a byte like any other, and there are no named classes.
 *
 * Portage matches characters, this matches bytes: outside of ASCII `?` and brackets differ.
 * @throws MergeError BAD_OPTION for one that is longer than any path
 */
export function pythonGlob(glob: Bytes): (text: string) => boolean {
  if (glob.length > GLOB_BYTES_MAX)
    throw new MergeError(
      'BAD_OPTION',
      `a glob of ${glob.length} bytes is longer than any path: ${show(glob.slice(0, 60) as Bytes)}…`,
    );
  const parts = [''];
  for (const [token, set] of glob.matchAll(TOKEN)) {
    if (token.startsWith('*')) parts.push('');
    else parts[parts.length - 1] += token === '?' ? '.' : set === undefined ? unit(token) : bracket(set);
  }
  return starMatcher(parts);
}

function bracket(set: string): string {
  const negated = set.startsWith('!');
  const members = set.slice(negated ? 1 : 0).replace(MEMBER, (token, first?: string, last?: string) => {
    if (first === undefined || last === undefined) return unit(token);
    return first <= last ? `${unit(first)}-${unit(last)}` : '';
  });
  return `[${negated ? '^' : ''}${members}]`;
}
