import { execFileSync } from 'node:child_process';
import { toolTest } from '@emplace/fixtures/jest';
import { ascii, type Bytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ignoreGlobs, withDirectories } from '../../src/ledger/ignore-globs.ts';
import { pythonGlob } from '../../src/ledger/python-glob.ts';

/** Reads pattern and text in turn, each ended by a NUL, and answers 1 or 0 for each pair. */
const FNMATCH = `
import fnmatch, sys
words = sys.stdin.buffer.read().decode('latin-1').split('\\0')
for pattern, text in zip(words[::2], words[1::2]):
    sys.stdout.write('1' if fnmatch.fnmatchcase(text, pattern) else '0')
`;

const glob = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '*',
        '**',
        '?',
        'a',
        'b',
        '/',
        '.',
        '-',
        '(a|b)',
        '{a,b}',
        '+',
        '^',
        '$',
        '\\',
        '\n',
        '\xff',
        '&&',
      ),
      fc.constantFrom(
        '[ab]',
        '[!a]',
        '[^a]',
        '[a-c]',
        '[!a-c/]',
        '[]a]',
        '[!]a]',
        '[a-]',
        '[-a]',
        '[.]',
        '[\\]',
        '[',
        ']',
      ),
      fc.constantFrom(
        '[z-a]',
        '[!z-a]',
        '[a-c-e]',
        '[--a]',
        '[]',
        '[!]',
        '[!',
        '[[:alpha:]]',
        '[a&&b]',
        '[a~~b||c]',
        '!',
      ),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''))
  // Where a range the wrong way round comes first, Python takes a `!` after it for a negation.
  .filter((each) => !/-.!/s.test(each));
const text = fc
  .array(
    fc.constantFrom('a', 'b', 'c', 'e', '/', '.', '-', '*', '?', '[', ']', '\\', '\n', '\xff', '|', '!', '^', '&'),
    {
      maxLength: 6,
    },
  )
  .map((parts) => parts.join(''));

toolTest('python3', 'a glob matches what the fnmatch module of Python matches', () => {
  // Half of the texts come of their glob, so that there is something to match.
  const near = glob.map(
    (each) =>
      [
        each,
        each
          .replace(/\*+/g, 'a/')
          .replace(/\?/g, 'b')
          .replace(/\[!?(.)[^\]]*\]/g, '$1'),
      ] as const,
  );
  const pairs = fc.sample(fc.oneof(fc.tuple(glob, text), near), { numRuns: 40_000, seed: 1 });
  const input = Buffer.from(pairs.map(([each, name]) => `${each}\0${name}\0`).join(''), 'latin1');
  const answers = execFileSync('python3', ['-c', FNMATCH], { input, encoding: 'latin1' });
  const wrong = pairs.filter(([each, name], i) => pythonGlob(ascii(each))(name) !== (answers[i] === '1'));
  expect(wrong).toEqual([]);
  expect(answers.match(/1/g)?.length).toBeGreaterThan(2000);
});

test('many stars and a name that almost matches come to an end', () => {
  expect(pythonGlob(ascii('*a*a*a*a*a*a*a*a*a*b'))('a'.repeat(4000))).toBe(false);
});

const matching = (globs: readonly string[], paths: readonly string[]) =>
  paths.filter((path) => ignoreGlobs(globs as Bytes[])(ascii(path)));

test('ignore globs go by the path from the root, and a star crosses directories (E.4, I.2c)', () => {
  const paths = ['lib/modules/6.1/a.ko', 'usr/lib/modules/x', 'usr/lib/a.pyc', 'dropin.cache', 'usr/dropin.cache', 'x'];
  expect(matching(['/lib/modules/*', '*.py[co]', '*/dropin.cache'], paths)).toEqual([
    'lib/modules/6.1/a.ko',
    'usr/lib/a.pyc',
    'dropin.cache',
    'usr/dropin.cache',
  ]);
  expect(matching(['lib/modules/*', 'x'], paths)).toEqual([]);
});

test('a directory that is named in COLLISION_IGNORE stands for all below it, not for itself (E.4)', () => {
  const isDirectory = (path: Bytes) => path === 'lib/modules' || path === 'opt';
  const globs = withDirectories(['/lib/modules/', '//opt', '/etc/x', '*.pyc'] as Bytes[], isDirectory);
  expect(globs).toEqual(['/lib/modules/*', '/opt/*', '/etc/x', '*.pyc']);
  expect(matching(globs, ['lib/modules', 'lib/modules/a', 'lib/modules-x', 'opt/a/b'])).toEqual([
    'lib/modules/a',
    'opt/a/b',
  ]);
});

test('a glob that is longer than any path is refused, and one as long as a path is taken (BAD_OPTION)', () => {
  const stars = (count: number): Bytes => ascii('*a'.repeat(count));
  expect(() => pythonGlob(stars(2049))).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  expect(pythonGlob(stars(2048))('a'.repeat(4000))).toBe(true);
  expect(pythonGlob(stars(2048))('a'.repeat(2000))).toBe(false);
});
