import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import type { Shown, View } from '../../src/leaks/observe.ts';
import { isLeak, missedBy, verdictOf } from '../../src/leaks/verdict.ts';

const DEST = ascii('/usr/bin/x (deleted)');

function shown(text: string, where: Shown['where'] = 'exe'): Shown {
  return { subject: 'program', where, shown: ascii(text), expected: DEST };
}

const view = (...all: readonly Shown[]): View => ({ shown: all, unmeasured: [] });

test('a path is a leak unless it is exactly the target, or that and the mark of the kernel', () => {
  expect(isLeak(shown('/usr/bin/x (deleted)'))).toBe(false);
  expect(isLeak(shown('/usr/bin/x (deleted) (deleted)'))).toBe(false);
  for (const text of ['/usr/bin/x', '/image/x (deleted)', '/usr/bin/x (deleted) (deleted) (deleted)', '']) {
    expect(isLeak(shown(text))).toBe(true);
  }
});

test('a leak counts whether it is shown at once, or only when the image is gone', () => {
  const clean = view(shown(DEST));
  const leaking = view(shown(DEST), shown('/image/x', 'maps'), shown('/image/x', 'maps'));
  expect(verdictOf({ replaced: clean, 'image-removed': clean })).toEqual({ verdict: 'clean', unmeasured: [] });
  for (const when of ['replaced', 'image-removed'] as const) {
    const views = { replaced: clean, 'image-removed': clean, [when]: leaking };
    expect(verdictOf(views)).toEqual({
      verdict: 'leaks',
      leaks: [{ ...shown('/image/x', 'maps'), when }],
      unmeasured: [],
    });
  }
});

test('what could not be read is never clean, but for what only root may read and a library that there is not', () => {
  const clean = view(shown(DEST));
  const without = (unmeasured: View['unmeasured'][number]) =>
    verdictOf({ replaced: { ...clean, unmeasured: [unmeasured] }, 'image-removed': clean });
  for (const unmeasured of [
    { subject: 'program', where: 'map_files', code: 'EPERM' },
    { subject: 'library', where: 'maps', code: 'ABSENT' },
  ] as const) {
    expect(without(unmeasured)).toEqual({ verdict: 'clean', unmeasured: [unmeasured] });
  }
  for (const unmeasured of [
    { subject: 'program', where: 'exe', code: 'EACCES' },
    { subject: 'program', where: 'maps', code: 'ABSENT' },
    { subject: 'library', where: 'maps', code: 'AMBIGUOUS' },
    { subject: 'data', where: 'fd', code: 'ESRCH' },
    { subject: 'program', where: 'map_files', code: 'ENAMETOOLONG' },
  ] as const) {
    expect(without(unmeasured)).toEqual({ verdict: 'not-measured', step: 'read', code: unmeasured.code });
  }
});

test('a control that is no leak in one place is missed there', () => {
  const replaced = view(shown('/image/x'), shown(DEST, 'maps'), shown(DEST, 'maps'), shown('/image/x', 'map_files'));
  expect(missedBy({ replaced, 'image-removed': view() })).toEqual([{ subject: 'program', where: 'maps' }]);
});
