import type { Bytes } from '@emplace/syscalls';
import type { View } from './observe.ts';
import { type Leak, notMeasured, type Spot, type Unmeasured, type Verdict, type When } from './report.ts';

/** What was shown after the target was replaced. */
export type Views = Readonly<Record<When, View>>;

/** The kernel's own addition for a file without this name (fs/d_path.c). */
const DELETED = ' (deleted)';

/** Whether a path is another than the target's. Decided by the whole text: a name may itself end ` (deleted)`. */
export function isLeak({ shown, expected }: { readonly shown: Bytes; readonly expected: Bytes }): boolean {
  return shown !== expected && shown !== `${expected}${DELETED}`;
}

export function verdictOf(views: Views): Verdict {
  const leaks = new Map<string, Leak>();
  for (const when of ['replaced', 'image-removed'] as const) {
    // Several ranges of one file show the same.
    for (const seen of views[when].shown) {
      if (isLeak(seen)) leaks.set([seen.subject, seen.where, when, seen.shown].join('\0'), { ...seen, when });
    }
  }
  const unmeasured = distinct([...views.replaced.unmeasured, ...views['image-removed'].unmeasured]);
  if (leaks.size > 0) return { verdict: 'leaks', leaks: [...leaks.values()], unmeasured };
  const missing = unmeasured.find((one) => !isBearable(one));
  return missing === undefined ? { verdict: 'clean', unmeasured } : notMeasured('read', missing.code);
}

/** Where the control was seen and was no leak: a leak would not be noticed there. */
export function missedBy({ replaced }: Views): Spot[] {
  return distinct(replaced.shown.filter((one) => !isLeak(one)).map(({ subject, where }) => ({ subject, where })));
}

/**
 * Nobody but root may read map_files, which show what maps shows; and not every program needs a library. Anything else
 * that is not known might be a leak.
 */
export function isBearable({ subject, where, code }: Unmeasured): boolean {
  if (code === 'ABSENT') return subject === 'library';
  return where === 'map_files' && (code === 'EPERM' || code === 'EACCES');
}

function distinct<T extends object>(all: readonly T[]): T[] {
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}
