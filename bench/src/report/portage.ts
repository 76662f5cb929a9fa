/** What was measured elsewhere, where Portage is at home: bench/portage.json, when it is there. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Results } from '../run/results.ts';

const FILE = fileURLToPath(new URL('../../portage.json', import.meta.url));

/** By case, then by engine: milliseconds, one for each run. */
type Elsewhere = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

/** The results with what the file has for their cases. Its rounds are its own: its ratios are those of the medians. */
export function withPortage(results: Results): Results {
  if (!existsSync(FILE)) return results;
  const elsewhere = JSON.parse(readFileSync(FILE, 'utf8')) as Elsewhere;
  const added = Object.entries(results).map(([name, result]) => {
    const runs = Object.entries(elsewhere[name] ?? {}).map(([engine, times]) => [
      `${engine} (elsewhere)`,
      times.map((ms) => ({ ms, rssKiB: Number.NaN })),
    ]);
    return [name, { ...result, runs: { ...result.runs, ...Object.fromEntries(runs) } }];
  });
  return Object.fromEntries(added) as Results;
}
