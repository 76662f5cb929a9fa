import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { toolTest } from '@emplace/fixtures/jest';
import { ascii, toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { globMatcher } from '../../src/hooks/glob.ts';

/** Reads pattern and path in turn, each ended by a NUL, and answers 1 or 0 for each pair. */
const FNMATCH = `
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
int main(void) {
  char *pattern = 0, *path = 0;
  size_t a = 0, b = 0;
  while (getdelim(&pattern, &a, 0, stdin) > 0 && getdelim(&path, &b, 0, stdin) > 0)
    putchar(fnmatch(pattern, path, 0) == 0 ? '1' : '0');
  return 0;
}
`;

/** Patterns of every construct that a person writes. What else a bracket can hold is left to each C library. */
const pattern = fc
  .array(
    fc.oneof(
      fc.constantFrom('*', '?', 'a', 'b', '/', '.', '-', '(a|b)', '{a,b}', '+', '^', '$', ',', 'a'),
      fc.constantFrom('\\*', '\\?', '\\a', '\\[', '\\\\', '\n', '\xff', ' (deleted)'),
      fc.constantFrom('[ab]', '[!a]', '[a-c]', '[!a-c/]', '[]a]', '[!]a]', '[a-]', '[.]', '[\\]a]', '[[:alpha:]]', '['),
    ),
    { maxLength: 5 },
  )
  .map((parts) => parts.join(''))
  // Of a bracket that is never closed and ends with a dash glibc says that it matches nothing.
  .filter((glob) => !/\[[^\]]*-$/.test(glob));
const path = fc
  .array(fc.constantFrom('a', 'b', 'c', '/', '.', '-', '*', '?', '[', ']', '\\', '\n', '\xff', '|', '('), {
    maxLength: 6,
  })
  .map((parts) => parts.join(''));

toolTest('gcc', 'a glob matches what fnmatch(3) matches', () => {
  using place = temporaryDirectory();
  writeFileSync(place.at('match.c'), FNMATCH);
  execFileSync('gcc', ['-o', place.at('match'), place.at('match.c')]);
  // Half of the paths come of their pattern, so that there is something to match.
  const near = pattern.map((glob) => [glob, glob.replace(/[*?]/g, 'a/').replace(/\\/g, '')] as const);
  const pairs = fc.sample(fc.oneof(fc.tuple(pattern, path), near), { numRuns: 20_000, seed: 1 });
  const input = Buffer.from(pairs.map(([glob, name]) => `${glob}\0${name}\0`).join(''), 'latin1');
  const answers = execFileSync(place.at('match'), { input, env: { LC_ALL: 'C' }, encoding: 'latin1' });
  const wrong = pairs.filter(([glob, name], i) => globMatcher(ascii(glob))(ascii(name)) !== (answers[i] === '1'));
  expect(wrong).toEqual([]);
  expect(answers.match(/1/g)?.length).toBeGreaterThan(1000);
});

test('a star crosses directories and takes hidden names, as the hooks of distributions rely on', () => {
  const matches = globMatcher(toBytes('usr/share/fonts/*'));
  expect(
    ['usr/share/fonts/a', 'usr/share/fonts/TTF/.b', 'usr/share/font'].map((path) => matches(toBytes(path))),
  ).toEqual([true, true, false]);
});

test('a range the wrong way round matches nothing, and does no harm', () => {
  expect(globMatcher(ascii('[z-a]'))(ascii('m'))).toBe(false);
});

test('stars that meet a name which nearly fits end at once', () => {
  expect(globMatcher(toBytes(`${'*a'.repeat(30)}*c`))(toBytes('a'.repeat(4000)))).toBe(false);
});
