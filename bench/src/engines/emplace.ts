import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MergeOptions } from '@emplace/merge-core';
import type { Engine, Trees } from '../case.ts';
import type { Operation } from './emplace-child.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The command line as it is released: one bundle. `./emplace` would look first whether it must be built. */
export const CLI: readonly string[] = [
  process.execPath,
  '--disable-sigusr1',
  here('../../../packages/cli/dist/main.cjs'),
];

/** What a merge is asked for, beside its trees. Paths lie in the root. */
export type Asked = Omit<MergeOptions, 'image' | 'root' | 'ledger'> & {
  /** Record what is merged, with md5 sums: as this package of Portage's database, or in this list. */
  readonly package?: string;
  readonly contents?: string;
};

/** A call of the library as it is built, in a process that has merged before unless it is `cold`: the time is that of the call alone. */
export function library(
  name: string,
  asked: Asked = {},
  operation: Operation = 'merge',
  { how = 'warm', ...more }: Partial<Engine> & { readonly how?: 'warm' | 'cold' } = {},
): Engine {
  const child = (trees: Trees, how: string): readonly string[] => [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    here('emplace-child.ts'),
    operation,
    JSON.stringify(optionsOf(asked, trees)),
    how,
  ];
  return {
    name,
    timesItself: true,
    command: (trees) => child(trees, how),
    calls: (trees) => [child(trees, 'cold'), child(trees, 'idle')],
    ...more,
  };
}

/** The command line, from start to exit. */
export function commandLine(
  name: string,
  flags: (trees: Trees) => readonly string[],
  more: Partial<Engine> = {},
): Engine {
  return { name, command: (trees) => [...CLI, ...flags(trees)], ...more };
}

/** `emplace merge` with flags. */
export function mergeCommand(name: string, asked: Asked = {}, ...flags: readonly string[]): Engine {
  return commandLine(name, (trees) => [
    'merge',
    trees.image,
    '--root',
    trees.root,
    '--progress',
    'none',
    ...flagsOf(asked, trees),
    ...flags,
  ]);
}

function optionsOf({ package: name, contents, ...asked }: Asked, { image, root }: Trees): MergeOptions {
  const ledger = {
    ...(name !== undefined && { package: name, slot: '0' }),
    ...(contents !== undefined && { contents: join(root, contents) }),
  };
  return {
    image,
    root,
    ...asked,
    ...((name ?? contents) !== undefined && { ledger: { ...ledger, digests: ['md5'], collisions: 'ignore' } }),
  };
}

function flagsOf({ package: name, contents, keepImage, strategy }: Asked, { root }: Trees): string[] {
  return [
    ...(keepImage === true ? ['--keep-image'] : []),
    ...(strategy === undefined ? [] : ['--strategy', strategy]),
    ...(name === undefined ? [] : ['--package', name, '--slot', '0']),
    ...(contents === undefined ? [] : ['--contents', join(root, contents)]),
    ...((name ?? contents) === undefined ? [] : ['--digests', 'md5', '--collisions', 'ignore']),
  ];
}
