import type { Bytes } from '@emplace/syscalls';
import { unit } from '../hooks/glob.ts';

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
 */
export function pythonGlob(glob: Bytes): (text: string) => boolean {
  const parts = [''];
  for (const [token, set] of glob.matchAll(TOKEN)) {
    if (token.startsWith('*')) parts.push('');
    else parts[parts.length - 1] += token === '?' ? '.' : set === undefined ? unit(token) : bracket(set);
  }
  const [head = '', ...middle] = parts;
  const tail = middle.pop();
  // What stands between two stars is taken where it first comes and never looked for again: with every place tried,
  // five stars and a hostile name would take for ever.
  const found = middle.map((part, i) => `(?=(?<m${i}>.*?${part}))\\k<m${i}>`).join('');
  const expression = new RegExp(`^${head}${found}${tail === undefined ? '' : `.*${tail}`}$`, 's');
  return (text) => expression.test(text);
}

function bracket(set: string): string {
  const negated = set.startsWith('!');
  const members = set.slice(negated ? 1 : 0).replace(MEMBER, (token, first?: string, last?: string) => {
    if (first === undefined || last === undefined) return unit(token);
    return first <= last ? `${unit(first)}-${unit(last)}` : '';
  });
  return `[${negated ? '^' : ''}${members}]`;
}
