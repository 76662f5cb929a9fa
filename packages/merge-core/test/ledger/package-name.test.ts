import { thrown } from '@emplace/fixtures';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MergeError } from '../../src/errors.ts';
import { compareVersions } from '../../src/ledger/compare-versions.ts';
import { parsePackageName, showPackage, tryPackageName } from '../../src/ledger/package-name.ts';

test.each([
  ['app-shells/bash-5.2_p26-r6', 'bash', '5.2_p26-r6'],
  ['virtual/_x-1', '_x', '1'],
  ['sys-libs/db-18.1.40-r1', 'db', '18.1.40-r1'],
  ['media-fonts/font-100dpi-20220101', 'font-100dpi', '20220101'],
  ['dev-lang/c++-1b_alpha_beta2_pre_rc4_p', 'c++', '1b_alpha_beta2_pre_rc4_p'],
  ['x/a-r1-1', 'a-r1', '1'],
])('%s is %s in version %s', (text, pn, version) => {
  const name = parsePackageName(text);
  expect([name.pn, name.version, showPackage(name)]).toEqual([pn, version, text]);
});

test.each([
  ['no category', 'bash-5'],
  ['an empty category', '/bash-5'],
  ['an empty name', 'app-shells/'],
  ['no version', 'app-shells/bash'],
  ['a version alone', 'app-shells/-5'],
  ['two slashes', 'app-shells/bash/bash-5'],
  ['a way up as category', '../bash-5'],
  ['a way up as name', 'app-shells/..'],
  ['a way up within', 'app-shells/../../etc/x-1'],
  ['a hidden category', '.git/bash-5'],
  ['a merge that runs (G.8)', 'app-shells/-MERGING-bash-5'],
  ['a newline', 'app-shells/bash-5\n'],
  ['a NUL', 'app-shells/bash\0-5'],
  ['a byte that is not ASCII', 'app-shells/b\xe4sh-5'],
  ['a version with a dot too much', 'app-shells/bash-5.'],
  ['a suffix that there is not', 'app-shells/bash-5_final'],
  ['a name that ends in a version', 'app-shells/bash-5-5'],
  ['too long for a name with -MERGING- before it', `app-shells/${'b'.repeat(245)}-5`],
])('%s is no package', (_, text) => {
  expect(tryPackageName(text)).toBeUndefined();
  expect(thrown(MergeError, () => parsePackageName(text)).code).toBe('BAD_OPTION');
});

test('a long name that is almost one is refused at once', () => {
  expect(tryPackageName(`x/${'a-1'.repeat(80)}-`)).toBeUndefined();
});

/** Each older than the next, or equal where they stand together (PMS 3.3). */
const ASCENDING = [
  ['0', '0-r0', '0-r00', '00'],
  ['0.0'],
  ['0.01', '0.010'],
  ['0.011'],
  ['0.1'],
  ['0.2'],
  ['0.10'],
  ['0.10.0'],
  ['1_alpha_beta'],
  ['1_alpha', '1_alpha0'],
  ['1_alpha_p'],
  ['1_alpha1'],
  ['1_beta'],
  ['1_pre'],
  ['1_rc'],
  ['1_rc9'],
  ['1_rc10'],
  ['1', '01'],
  ['1-r1', '1-r01'],
  ['1-r10'],
  ['1_p'],
  ['1_p1_pre'],
  ['1_p1'],
  ['1a_alpha'],
  ['1a'],
  ['1b'],
  ['1.0'],
  ['20240101000000000000'],
  ['20240101000000000001'],
];

test('versions are older and newer as PMS 3.3 says', () => {
  const wrong = ASCENDING.flatMap((group, i) =>
    ASCENDING.flatMap((other, j) =>
      group.flatMap((a) =>
        other.filter((b) => Math.sign(compareVersions(a, b)) !== Math.sign(i - j)).map((b) => [a, b]),
      ),
    ),
  );
  expect(wrong).toEqual([]);
});

const digits = fc.constantFrom('0', '1', '2', '9', '10', '01', '010', '001', '100');
const version = fc
  .tuple(
    fc.array(digits, { minLength: 1, maxLength: 4 }),
    fc.constantFrom('', 'a', 'b'),
    fc.array(fc.constantFrom('_alpha', '_beta1', '_pre', '_rc2', '_p', '_p0', '_p3'), { maxLength: 3 }),
    fc.constantFrom('', '-r0', '-r1', '-r2'),
  )
  .map(([numbers, letter, suffixes, revision]) => numbers.join('.') + letter + suffixes.join('') + revision);

test('versions are in one order: it turns around, and goes through a third', () => {
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
        expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
    }),
    { numRuns: 2000, seed: 1 },
  );
});

test('every version that there can be makes a name that can be read', () => {
  fc.assert(
    fc.property(version, (text) => expect(tryPackageName(`a/b-${text}`)?.version).toBe(text)),
    { numRuns: 500, seed: 2 },
  );
});
