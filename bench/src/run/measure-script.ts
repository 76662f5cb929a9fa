/** `measure-script.ts PLACE OPTIONS`: runs in a mount namespace of its own; what it measures is saved case by case. */
import { join } from 'node:path';
import type { Case, Engine } from '../case.ts';
import { allCases, choose } from '../cases/cases.ts';
import { makeWorld } from '../cases/world.ts';
import { countCalls } from './calls.ts';
import { measureRounds } from './measure.ts';
import type { RunOptions } from './options.ts';
import { profile } from './profile.ts';
import { readResults, saveResult, thisMachine, together } from './results.ts';
import { compileTools } from './tools.ts';

const [place = '', json = '{}'] = process.argv.slice(2);
const { cases, engines: pattern, rounds, more, calls, profile: profiled } = JSON.parse(json) as RunOptions;
const tools = compileTools((name) => join(place, name));
const world = makeWorld(place, tools);

for (const one of choose(allCases(world), cases)) {
  const engines = one.engines.filter(({ name }) => new RegExp(pattern).test(name));
  if (engines.length === 0) continue;
  if (profiled) for (const engine of engines) console.log(profile(one, engine).join('\n'));
  else measureCase(one, engines);
}

function measureCase(one: Case, engines: readonly Engine[]): void {
  const machine = thisMachine();
  const runs = measureRounds(one, engines, rounds * (one.roundsFactor ?? 1), tools);
  const counted = calls ? engines.map((engine) => [engine.name, countCalls(one, engine)] as const) : [];
  const result = { entries: one.entries, runs, calls: Object.fromEntries(counted), ...machine };
  saveResult(one.name, more ? together(readResults()[one.name], result) : result);
}
