/** What was wanted of Emplace, as data: each is measured by the newest results. */
import type { Run } from '../case.ts';
import type { Results } from '../run/results.ts';
import { median, pairedRatio, times } from '../statistics.ts';
import { table } from './tables.ts';

interface Wanted {
  readonly what: string;
  readonly unit: '×' | 'ms' | 'MiB';
  /** At most this, or with `atLeast` at least. */
  readonly limit: number;
  readonly atLeast?: boolean;
  /** undefined: not measured. */
  readonly measured: (results: Results) => number | undefined;
}

const LIBRARY = 'emplace, library';
const COMMAND = 'emplace, command line';

function runsOf(results: Results, name: string, engine: string): readonly Run[] | undefined {
  const runs = results[name]?.runs[engine];
  return runs === undefined || runs.length === 0 ? undefined : runs;
}

/** How many times as long as another engine the first one takes. */
function ratio(name: string, engine: string, base: string): Wanted['measured'] {
  return (results) => {
    const [runs, others] = [runsOf(results, name, engine), runsOf(results, name, base)];
    return runs && others && pairedRatio(runs, others);
  };
}

/** How many times as long as Emplace the quickest of the others takes. */
function fasterThan(name: string, engine: string, others: RegExp): Wanted['measured'] {
  return (results) => {
    const own = runsOf(results, name, engine);
    const peers = Object.entries(results[name]?.runs ?? {}).filter(([peer]) => others.test(peer));
    return own && peers.length > 0 ? Math.min(...peers.map(([, runs]) => pairedRatio(runs, own))) : undefined;
  };
}

function time(name: string, engine: string): Wanted['measured'] {
  return (results) => {
    const runs = runsOf(results, name, engine);
    return runs && median(times(runs));
  };
}

const PEERS = /^(?:cp|rsync|tar|dpkg|rpm|pacman)/;

const WANTED: readonly Wanted[] = [
  {
    what: 'fresh, same mount: C loop with directory renames',
    unit: '×',
    limit: 1.3,
    measured: ratio('same-mount/fresh', LIBRARY, 'C loop graft'),
  },
  {
    what: 'fresh, same mount: faster than `cp -a`, `tar`, `dpkg`',
    unit: '×',
    limit: 20,
    atLeast: true,
    measured: fasterThan('same-mount/fresh', LIBRARY, /^(?:cp|tar|dpkg)/),
  },
  ...(['fresh', 'replace-all'] as const).map(
    (variant): Wanted => ({
      what: `${variant}, same mount, md5: C loop with 2 threads`,
      unit: '×',
      limit: 1.2,
      measured: ratio(
        `same-mount-md5/${variant}`,
        LIBRARY,
        variant === 'fresh' ? 'C loop graft md5 threads=2' : 'C loop md5 threads=2',
      ),
    }),
  ),
  {
    what: 'replace all, same mount, undo and full sync: C loop with neither',
    unit: '×',
    limit: 1.5,
    measured: ratio('same-mount/replace-all', LIBRARY, 'C loop'),
  },
  ...(['fresh', 'replace-all', 'replace-tenth'] as const).flatMap((variant): Wanted[] => [
    {
      what: `${variant}, across mounts: C loop with 2 threads`,
      unit: '×',
      limit: 1.25,
      measured: ratio(`across/${variant}`, LIBRARY, 'C loop copy threads=2'),
    },
    {
      what: `${variant}, across mounts: faster than every peer`,
      unit: '×',
      limit: 1,
      atLeast: true,
      measured: fasterThan(`across/${variant}`, LIBRARY, PEERS),
    },
  ]),
  {
    what: 'one file, command line: `node -e 0`',
    unit: '×',
    limit: 2.5,
    measured: ratio('one-file/fresh', COMMAND, 'node -e 0'),
  },
  {
    what: 'one file, library, warm, without durability',
    unit: 'ms',
    limit: 5,
    measured: time('one-file/fresh', `${LIBRARY}, sync none`),
  },
  ...(['fresh', 'replace-all'] as const).flatMap((variant): Wanted[] => [
    { what: `${variant}: 1,000,000 entries beside 500,000`, unit: '×', limit: 2.1, measured: twice(variant) },
    {
      what: `${variant}: peak memory of 1,000,000 entries`,
      unit: 'MiB',
      limit: 512,
      measured: memory(`growth/${variant}-1000k`, COMMAND),
    },
  ]),
  {
    what: 'supervision, 40,000 entries: beside in-process',
    unit: '×',
    limit: 1.05,
    measured: ratio('supervision/40000', `${LIBRARY}, first call, supervised`, `${LIBRARY}, first call`),
  },
];

function twice(variant: string): Wanted['measured'] {
  return (results) => {
    const [half, all] = ['500k', '1000k'].map((size) => time(`growth/${variant}-${size}`, COMMAND)(results));
    return half && all && all / half;
  };
}

function memory(name: string, engine: string): Wanted['measured'] {
  return (results) => {
    const runs = runsOf(results, name, engine);
    return runs && Math.max(...runs.map(({ rssKiB }) => rssKiB)) / 1024;
  };
}

export function wantedTable(results: Results): string[] {
  return table(
    ['what', 'met', 'wanted', 'measured'],
    WANTED.map((one) => wantedRow(one, results)),
  );
}

function wantedRow({ what, unit, limit, atLeast = false, measured }: Wanted, results: Results): string[] {
  const value = measured(results);
  const wanted = `${atLeast ? '≥' : '≤'} ${limit} ${unit}`;
  if (value === undefined) return [what, 'not measured', wanted, ''];
  const isMet = atLeast ? value >= limit : value <= limit;
  return [what, isMet ? 'yes' : '**no**', wanted, `${value.toFixed(unit === '×' ? 2 : 1)} ${unit}`];
}
