import { type ComparedAttribute, compareTrees, snapshotTree, thrown } from '@emplace/fixtures';
import { MergeError, type MergeOptions, type MergeReport, mergeSync } from '@emplace/merge-core';
import { expect } from '@jest/globals';
import { type Answers, inWords } from './oracle.ts';
import type { Scene } from './scene.ts';

type Trees = Pick<Scene, 'image' | 'root' | 'before'>;

/** What came of one merge. */
export interface Outcome {
  /** The code of the refusal that came before something was accepted to be lost. */
  readonly refused?: string;
  readonly rungs: readonly string[];
  /** Against what rsync makes of it. */
  readonly differences: readonly string[];
  /** Facts that the merge measured otherwise than a probe. */
  readonly disagreeing: readonly string[];
}

/** Where something has to be accepted as lost, the merge is refused without that. */
export function mergeAndCompare(
  scene: Scene,
  facts: Answers,
  options: Partial<MergeOptions>,
  attributes: ComparedAttribute[],
): Outcome {
  const { lossy, ...strict } = options;
  const refused = lossy === undefined ? {} : { refused: refusal(scene, strict).code };
  const report = merge(scene, options);
  const differences = compareTrees(scene.expected, snapshotTree(scene.root), { ignore: { paths: ['.'], attributes } });
  const measured = report.sites.flatMap((site) => Object.entries(inWords(site.facts)));
  const disagreeing = measured
    .filter(([name, answer]) => facts[name] !== answer)
    .map(([name, answer]) => `${name}: ${answer}, probed ${facts[name]}`);
  return { ...refused, rungs: Object.keys(report.strategies), differences, disagreeing };
}

export function merge({ image, root }: Trees, options: Partial<MergeOptions>): MergeReport {
  return mergeSync({ image, root, directories: 'image', sync: 'none', ...options });
}

/** The error of a merge that has to leave everything as it was. */
export function refusal(scene: Trees, options: Partial<MergeOptions>): MergeError {
  const image = snapshotTree(scene.image);
  const error = thrown(MergeError, () => merge(scene, options));
  expect([error.message, compareTrees(scene.before, snapshotTree(scene.root))]).toEqual([error.message, []]);
  expect(compareTrees(image, snapshotTree(scene.image))).toEqual([]);
  return error;
}
