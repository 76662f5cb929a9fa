import type { Case } from '../case.ts';
import { merges } from './merges.ts';
import { growth, oneFile, planning, recovering, smallPackages, supervision } from './others.ts';
import { unmerging, verifying } from './packages.ts';
import type { World } from './world.ts';

export function allCases(world: World): readonly Case[] {
  return [
    ...merges(world),
    unmerging(world),
    verifying(world),
    planning(world),
    ...recovering(world),
    oneFile(world),
    smallPackages(world),
    ...growth(world),
    ...supervision(world),
  ];
}

/** Those whose name or family is among `wanted`; all for an empty list. @throws Error for a name that there is not */
export function choose(cases: readonly Case[], wanted: readonly string[]): readonly Case[] {
  const isNamed = ({ name }: Case, asked: string): boolean => name === asked || name.startsWith(`${asked}/`);
  for (const asked of wanted) {
    if (cases.some((one) => isNamed(one, asked))) continue;
    throw new Error(`no case \`${asked}\`; there are ${cases.map(({ name }) => name).join(', ')}`);
  }
  return wanted.length === 0 ? cases : cases.filter((one) => wanted.some((asked) => isNamed(one, asked)));
}
