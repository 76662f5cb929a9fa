import { fileURLToPath } from 'node:url';
import type { Case, Trees } from './cases.ts';

/** A way to merge. */
export interface Engine {
  readonly name: string;
  /** The command that merges the trees. */
  readonly command: (trees: Trees, of: Case) => readonly string[];
  /** It prints its own time and memory as JSON; else the whole process is timed. */
  readonly timesItself?: boolean;
}

export const child: readonly string[] = [
  process.execPath,
  '--conditions=@emplace/source',
  '--disable-warning=ExperimentalWarning',
  fileURLToPath(new URL('merge-child.ts', import.meta.url)),
];

const cli = fileURLToPath(new URL('../../emplace', import.meta.url));

export function mergeOptions({ image, root }: Trees, { across }: Case, sync: 'full' | 'none'): string {
  return JSON.stringify({ image, root, sync, keepImage: across });
}

/** @param floor the compiled floor.c. The first engine is what the others are compared with. */
export function engines(floor: string): readonly Engine[] {
  return [
    { name: 'floor (C)', command: ({ image, root }, { across }) => [floor, across ? 'copy' : 'rename', image, root] },
    {
      name: 'emplace, library',
      command: (trees, of) => [...child, mergeOptions(trees, of, 'full')],
      timesItself: true,
    },
    {
      name: 'emplace, library, sync none',
      command: (trees, of) => [...child, mergeOptions(trees, of, 'none')],
      timesItself: true,
    },
    {
      name: './emplace merge',
      command: ({ image, root }, { across }) => [
        cli,
        'merge',
        image,
        '--root',
        root,
        '--progress',
        'none',
        ...(across ? ['--keep-image'] : []),
      ],
    },
    { name: 'cp -a', command: ({ image, root }) => ['cp', '-a', `${image}/.`, root] },
    { name: 'rsync -a', command: ({ image, root }) => ['rsync', '-a', `${image}/`, `${root}/`] },
  ];
}
