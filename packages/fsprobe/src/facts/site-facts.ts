import { isErrno } from '@emplace/syscalls';
import * as between from './between.ts';
import { type Fact, measured } from './fact.ts';
import { linkReadOnly, renameReadOnly } from './read-only.ts';
import * as within from './within.ts';
import type { Workbench } from './workbench.ts';

/** Every question that can be asked of a source and a target directory. */
const questions: Readonly<Record<FactName, (bench: Workbench) => Fact>> = { ...between, ...within };

export type FactName = keyof typeof between | keyof typeof within;

export const factNames: readonly FactName[] = Object.keys(questions) as FactName[];

export type SiteFacts = Readonly<Partial<Record<FactName, Fact>>>;

/** What the kernel says although nothing can be made in one of the directories. */
const whereReadOnly: Readonly<Partial<Record<FactName, (bench: Workbench) => Fact>>> = {
  rename: renameReadOnly,
  renameDirectory: renameReadOnly,
  link: linkReadOnly,
};

/** One answer, asked of the kernel with real files on a workbench. */
export function askSite(name: FactName, bench: Workbench): Fact {
  return measured(bench, () => {
    try {
      return questions[name](bench);
    } catch (error) {
      const answer = isErrno(error, 'EROFS') && bench.failed(error) ? whereReadOnly[name] : undefined;
      if (answer === undefined) throw error;
      return answer(bench);
    }
  });
}
