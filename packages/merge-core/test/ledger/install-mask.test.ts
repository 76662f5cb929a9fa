import { ascii, toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { installMask } from '../../src/ledger/install-mask.ts';

/** Those of `paths` that are masked; a slash at the end says directory. */
function masked(patterns: string, paths: readonly string[]): string[] {
  const masks = installMask(toBytes(patterns));
  return paths.filter((path) => masks(ascii(path.replace(/\/$/, '')), path.endsWith('/')));
}

test.each<[string, string[], string[]]>([
  [
    '/foo/bar/ -/foo/bar/*.foo -*.baz',
    ['foo/bar/baz', 'foo/bar/', 'foo/bar/baz.bar'],
    ['foo/bar', 'foo/bar/baz.foo', 'foo/bar/baz.baz'],
  ],
  [
    '/foo/bar -/foo/bar/*.foo -*.baz',
    ['foo/bar/baz', 'foo/bar/', 'foo/bar', 'foo/bar/baz.bar'],
    ['foo/bar/baz.foo', 'foo/bar/baz.baz'],
  ],
  ['/foo*', ['foo', 'foo/', 'foobar', 'foobar/'], []],
  ['/foo*/', ['foo/', 'foobar/'], ['foo', 'foobar']],
  [
    '/usr/share/locale -/usr/share/locale/en* -/usr/share/locale/kf5_all_languages -/usr/share/locale/locale.alias',
    ['usr/share/locale/es', 'usr/share/locale/fr', 'usr/share/locale'],
    [
      'usr/share/locale/en',
      'usr/share/locale/en_GB',
      'usr/share/locale/en/kf5_all_languages',
      'usr/share/locale/locale.alias',
    ],
  ],
])('%s (Case 5)', (patterns, matched, others) => {
  expect(masked(patterns, [...matched, ...others])).toEqual(matched);
});

test('a directory that is masked takes its directories and symlinks along (Case 5)', () => {
  expect(masked('/foo/', ['foo/', 'foo/bar/', 'foo/baz', 'food/'])).toEqual(['foo/', 'foo/bar/', 'foo/baz']);
});

test('a pattern without a slash before it goes by the last name of what is no directory (H)', () => {
  expect(
    masked('*.la doc', ['usr/lib/x.la', 'x.la', 'usr/share/doc', 'usr/share/doc/', 'usr/x.lax', 'x.la/y']),
  ).toEqual(['usr/lib/x.la', 'x.la', 'usr/share/doc']);
});

test('a lone star masks everything, and what is taken out stays (H)', () => {
  expect(masked('* -/etc', ['usr/', 'usr/a', 'etc/', 'etc/a', 'etc/b/c'])).toEqual(['usr/', 'usr/a']);
});

test('the last pattern that matches decides, wherever blanks and newlines are (H)', () => {
  expect(masked('\n-/a  /a/b\t-/a/b/c\n/a/b/c/d ', ['a/x', 'a/b', 'a/b/c', 'a/b/c/d'])).toEqual(['a/b', 'a/b/c/d']);
});

test('without patterns nothing is masked', () => {
  expect(masked(' \n', ['a', 'b/'])).toEqual([]);
});
