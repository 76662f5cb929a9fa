/** The parts of a version (PMS 3.2) as they are compared. */
interface Parts {
  readonly numbers: readonly string[];
  readonly letter: string;
  readonly suffixes: readonly { readonly rank: number; readonly number: string }[];
  readonly revision: string;
}

/** In PMS' order; no suffix stands between `rc` and `p`. */
const SUFFIXES = ['alpha', 'beta', 'pre', 'rc', 'p'] as const;
const P = SUFFIXES.indexOf('p');

/**
 * Compares two versions with revisions as PMS 3.3 does; numbers may have any length.
 * @returns negative when `a` is older, 0 when they are equal (`1-r0` and `1`), positive when `a` is newer
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  return (
    compareNumbers(left.numbers, right.numbers) ||
    compareText(left.letter, right.letter) ||
    compareSuffixes(left.suffixes, right.suffixes) ||
    compareIntegers(left.revision, right.revision)
  );
}

function partsOf(version: string): Parts {
  const [, numbers = '', letter = '', suffixes = '', revision = '0'] =
    /^([\d.]+)([a-z]?)((?:_[a-z]+\d*)*)(?:-r(\d+))?$/.exec(version) ?? [];
  if (numbers === '') throw new Error(`bug: \`${version}\` was not parsed as a version`);
  return {
    numbers: numbers.split('.'),
    letter,
    suffixes: Array.from(suffixes.matchAll(/_([a-z]+)(\d*)/g), ([, name, number]) => ({
      rank: (SUFFIXES as readonly string[]).indexOf(name as string),
      number: number === '' ? '0' : (number as string),
    })),
    revision,
  };
}

function compareNumbers(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [left, right] = [a[i] as string, b[i] as string];
    // After the first, a leading zero makes it a fraction: 1.05 < 1.1.
    const fraction = i > 0 && (left.startsWith('0') || right.startsWith('0'));
    const order = fraction
      ? compareText(left.replace(/0+$/, ''), right.replace(/0+$/, ''))
      : compareIntegers(left, right);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareSuffixes(a: Parts['suffixes'], b: Parts['suffixes']): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i], b[i]];
    if (left === undefined) return right?.rank === P ? -1 : 1;
    if (right === undefined) return left.rank === P ? 1 : -1;
    const order = left.rank - right.rank || compareIntegers(left.number, right.number);
    if (order !== 0) return order;
  }
  return 0;
}

/** Decimal digits of any length: a date with a time is past what a double holds. */
function compareIntegers(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return left.length - right.length || compareText(left, right);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
