/** `measure-script.ts PLACE RUNS`: runs in a mount namespace of its own and prints what it {@link Measured}. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bigTree, mountTmpfs } from '@emplace/fixtures';
import { countCalls } from './calls.ts';
import { CASES, type Case, copyTree, outdate, prepare, type Trees } from './cases.ts';
import { engines } from './engines.ts';
import { measure, type Run } from './measure.ts';
import type { Measured } from './report.ts';

const [place = '', runsText = '3'] = process.argv.slice(2);
const memory = join(place, 'memory');
mountTmpfs(memory, 'mode=0755,size=4g');

function modelOf(name: string, files: number) {
  const [model, old] = [join(memory, name), join(memory, `${name}-old`)];
  for (const dir of [model, old]) mkdirSync(dir);
  const { entries, bytes } = bigTree(model, { version: 1, files });
  copyTree(model, old);
  outdate(old);
  return { entries, bytes, files, fresh: (of: Case): Trees => prepare(of, model, old, join(place, 'disk')) };
}

/** Rounds over all engines: whatever drifts in the machine meets each of them alike. */
function timed(of: Case, fresh: (of: Case) => Trees): Record<string, Run[]> {
  const all = engines(join(place, 'floor'));
  const runs: Record<string, Run[]> = Object.fromEntries(all.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(runsText); round++) {
    for (const engine of all) {
      using trees = fresh(of);
      runs[engine.name]?.push(measure(engine, trees, of, join(place, 'stopwatch'), join(place, 'scratch')));
    }
  }
  return runs;
}

function counted(of: Case, fresh: (of: Case) => Trees): Record<string, number> {
  using trees = fresh(of);
  return countCalls(trees, of, join(place, 'scratch'));
}

const small = modelOf('small', 4000);
const large = modelOf('large', 20_000);
const measured: Measured = {
  entries: large.entries,
  files: large.files,
  bytes: large.bytes,
  runs: Object.fromEntries(CASES.map((of) => [of.name, timed(of, large.fresh)])),
  tracedEntries: small.entries,
  calls: Object.fromEntries(CASES.map((of) => [of.name, counted(of, small.fresh)])),
};
console.log(JSON.stringify(measured));
