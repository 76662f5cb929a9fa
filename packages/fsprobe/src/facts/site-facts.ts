import * as between from './between.ts';
import { type Fact, measured } from './fact.ts';
import * as within from './within.ts';
import type { Workbench } from './workbench.ts';

/** Every question that can be asked of a source and a target directory. */
const questions: Readonly<Record<FactName, (bench: Workbench) => Fact>> = { ...between, ...within };

export type FactName = keyof typeof between | keyof typeof within;

export const factNames: readonly FactName[] = Object.keys(questions) as FactName[];

export type SiteFacts = Readonly<Partial<Record<FactName, Fact>>>;

/** One answer, asked of the kernel with real files on a workbench. */
export function askSite(name: FactName, bench: Workbench): Fact {
  return measured(bench, () => questions[name](bench));
}
