import { expect, test } from '@jest/globals';
import { mergeFlags, packageOptionsOf, unmergeFlags } from '../src/package-flags.ts';

test('an unmerge has no flag for what it would not do: only an upgrade keeps libraries for others (A.14)', () => {
  expect(Object.keys(mergeFlags)).toContain('preserve-libs');
  expect(Object.keys(unmergeFlags)).not.toContain('preserve-libs');
  expect(packageOptionsOf({ 'preserve-libs': true })).toEqual({ preserveLibs: true });
});
