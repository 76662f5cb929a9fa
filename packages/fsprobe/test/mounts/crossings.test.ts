import { writeFileSync } from 'node:fs';
import { bindMount, mountTmpfs } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { ascii, type Bytes, SyscallError } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Boundary, boundariesUnder, crossings } from '../../src/index.ts';
import { scene } from './scene.ts';

/** Only what crossings looks at. */
function subvolumeAt(path: string): Boundary {
  const part = { mountId: 1, dev: 1, readOnly: false, noExec: false, noSuid: false, noDev: false };
  return { kind: 'subvolume', path: path as Bytes, reach: 'open', ...part };
}

function crossed(boundaries: readonly Boundary[], paths: readonly string[]): [path: string, beyond: string][] {
  return crossings(boundaries, paths as Bytes[]).map(({ path, boundary }) => [path, boundary.path]);
}

rootTest(
  'a path lies beyond the innermost open boundary, its own included, and a hidden one is crossed by none',
  () => {
    using work = scene();
    mountTmpfs(work.at('usr'));
    mountTmpfs(work.at('usr/lib/deep'));
    mountTmpfs(work.at('a/b'));
    mountTmpfs(work.at('a'));
    mountTmpfs(work.at('new\nline'));
    for (const name of ['store', 'etc-hosts']) writeFileSync(work.at(name), '');
    bindMount(work.at('store'), work.at('etc-hosts'));
    const { boundaries } = boundariesUnder(work.path);
    const paths = ['', 'usr', 'usr2', 'usr/bin/x', 'usr/lib/deep', 'usr/lib/deep/y/z', 'usr/lib/deeper', 'etc-hosts'];
    expect(crossed(boundaries, [...paths, 'store', 'a/b/c', 'a', 'new\nline/x', 'new'])).toEqual([
      ['usr', 'usr'],
      ['usr/bin/x', 'usr'],
      ['usr/lib/deep', 'usr/lib/deep'],
      ['usr/lib/deep/y/z', 'usr/lib/deep'],
      ['usr/lib/deeper', 'usr'],
      ['etc-hosts', 'etc-hosts'],
      ['a/b/c', 'a'],
      ['a', 'a'],
      ['new\nline/x', 'new\nline'],
    ]);
  },
);

test('for any tree and any order of paths it is the longest boundary that is the path or begins it', () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'ab', '\xff'), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join('/'));
  fc.assert(
    fc.property(fc.uniqueArray(path), fc.array(path), (tops, paths) => {
      const expected = paths.flatMap((one) => {
        const beyond = tops.filter((top) => `${one}/`.startsWith(`${top}/`)).sort((a, b) => b.length - a.length);
        return beyond[0] === undefined ? [] : [[one, beyond[0]]];
      });
      expect(crossed(tops.map(subvolumeAt), paths)).toEqual(expected);
    }),
  );
});

test.each(['/usr', 'usr/', 'a//b', './a', 'a/..', '../a', '..', 'a/./b'])(
  '`%s` is refused: its answer would be wrong',
  (path) => {
    expect(() => crossings([subvolumeAt('a')], [path as Bytes])).toThrow(SyscallError);
  },
);

test('names that only begin with dots are names', () => {
  expect(crossed([subvolumeAt('.a')], ['.a/..b/...', '...'])).toEqual([['.a/..b/...', '.a']]);
});

test('a million paths are one pass', () => {
  function* paths(): Generator<Bytes> {
    for (let i = 0; i < 1_000_000; i++) yield ascii(`usr/share/d${i % 1000}/e${i % 7}/f${i}`);
  }
  const boundaries = Array.from({ length: 500 }, (_, i) => subvolumeAt(`usr/share/d${i}`));
  expect(crossings(boundaries, paths())).toHaveLength(500_000);
});
