import type { Bytes } from '@emplace/syscalls';

/** No path is as long (PATH_MAX), and an expression made of a longer glob may be more than the engine takes. */
export const GLOB_BYTES_MAX = 4096;

/**
 * Whether a path matches a glob as alpm-hooks(5) has it: fnmatch(3) without flags, over bytes. `*` is any run of bytes,
 * slashes and leading dots included, `?` is one byte, `[a-z]` one of several, `[!a-z]` one of all others, a backslash
 * takes away what the next one means.
 *
 * Not picomatch, though `--exclude` goes by that: there `*` stops at a slash, which would silence the hooks that
 * distributions ship (`usr/share/fonts/*`), `[!a]` is no negation, and `(a|b)` an alternative.
 */
export function globMatcher(glob: Bytes): (path: Bytes) => boolean {
  const parts = [''];
  for (const [token, set] of glob.matchAll(TOKEN)) {
    if (token === '*') parts.push('');
    else if (token === '?') parts[parts.length - 1] += '.';
    else if (set !== undefined) parts[parts.length - 1] += bracket(set);
    else parts[parts.length - 1] += unit(token.length === 2 ? (token[1] as string) : token);
  }
  return starMatcher(parts);
}

/**
 * Whether a text is these expressions, each of one length, with anything in between. What stands between two stars is
 * taken where it first comes and never looked for again: with every place tried, five stars and a hostile name would take
 * for ever.
 */
export function starMatcher([head = '', ...middle]: readonly string[]): (text: string) => boolean {
  const tail = middle.pop();
  const first = new RegExp(tail === undefined ? `${head}$` : head, 'sy');
  if (tail === undefined) return (text) => endOf(first, text, 0) !== undefined;
  const others = [...middle.filter((part) => part !== ''), `${tail}$`].map((part) => new RegExp(part, 'sg'));
  return (text) => {
    let end = endOf(first, text, 0);
    for (let i = 0; i < others.length && end !== undefined; i++) end = endOf(others[i] as RegExp, text, end);
    return end !== undefined;
  };
}

/** Where the first match at or after `start` ends. */
function endOf(expression: RegExp, text: string, start: number): number | undefined {
  expression.lastIndex = start;
  return expression.test(text) ? expression.lastIndex : undefined;
}

/** What stands for itself in a bracket; one that is never closed is none, and one that starts with `]` has it as a member. */
const TOKEN = /\\.|\[([!^]?\]?(?:\\.|\[:\w+:\]|[^\\\]])*)\]|./gs;
/** A named class, a range, or one byte. */
const MEMBER = /\[:(\w+):\]|(\\.|.)-(\\.|[^\]])|\\.|./gs;

/** ctype(3) of the C locale, as ranges. */
const CLASSES: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  space: ' \\t-\\r',
  blank: ' \\t',
  punct: '!-\\/:-@\\[-`{-~',
  xdigit: '0-9A-Fa-f',
  cntrl: '\\x00-\\x1f\\x7f',
  print: ' -~',
  graph: '!-~',
};

function bracket(set: string): string {
  const negated = /^[!^]/.test(set);
  const members = set.slice(negated ? 1 : 0).replace(MEMBER, (token, name, first, last) => {
    if (name !== undefined) return CLASSES[name as string] ?? '';
    if (first === undefined) return unit(token.at(-1) as string);
    const [from, to] = [(first as string).at(-1) as string, (last as string).at(-1) as string];
    return from <= to ? `${unit(from)}-${unit(to)}` : '';
  });
  return `[${negated ? '^' : ''}${members}]`;
}

/** One byte that stands for itself in an expression, in a bracket or not. */
export function unit(byte: string): string {
  return `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
