/** What is done to a package that is there: taken out, verified. */
import type { Case, Engine, Trees } from '../case.ts';
import { commandLine, library } from '../engines/emplace.ts';
import { floor } from '../engines/floor.ts';
import { MANAGERS, prepareBy } from '../engines/managers.ts';
import { packageOf, treeOf } from '../trees/place.ts';
import { entriesOf } from '../trees/versions.ts';
import { empty, tree, type World } from './world.ts';

const PACKAGE = 'app-bench/system-1';
const recorded = library('', { package: PACKAGE });

/** The Debian tree is in the root, and recorded there by whoever is to do the work. */
function installedCase(world: World, name: string, left: readonly [number, number], engines: readonly Engine[]): Case {
  return {
    name,
    entries: entriesOf(treeOf('new')),
    prepare: ({ hasPackages = false }) => world.make({ kind: 'ext4', image: hasPackages ? empty : tree('new') }),
    left,
    engines,
  };
}

function mergeFirst(trees: Trees): void {
  prepareBy(recorded.command(trees));
}

function moveFirst({ image, root }: Trees): void {
  prepareBy(['sh', '-c', 'mv "$1"/* "$2"', 'sh', image, root]);
}

function byManagers(which: 'removes' | 'verifies'): Engine[] {
  return MANAGERS.flatMap((manager): Engine[] => {
    const verb = manager[which];
    if (verb === undefined) return [];
    return [
      {
        name: verb.name,
        hasPackages: true,
        before(trees) {
          manager.makeDatabase(trees);
          prepareBy(manager.install(trees, [packageOf('new', manager.format)]));
        },
        command: (trees) => verb.command(trees, 'bench-system'),
      },
    ];
  });
}

export function unmerging(world: World): Case {
  return installedCase(
    world,
    'unmerge/all',
    [0, entriesOf(treeOf('new')) / 100],
    [
      { name: 'rm -r', before: moveFirst, command: ({ root }) => ['sh', '-c', 'rm -r "$1"/*', 'sh', root] },
      library('emplace, library', { package: PACKAGE }, 'unmerge', { before: mergeFirst }),
      commandLine('emplace, command line', ({ root }) => ['unmerge', PACKAGE, '--root', root, '--progress', 'none'], {
        before: mergeFirst,
      }),
      ...byManagers('removes'),
    ],
  );
}

export function verifying(world: World): Case {
  const look = floor(world.tools.floor, 'look', 'md5', 'threads=2');
  return installedCase(
    world,
    'verify/all',
    [entriesOf(treeOf('new')), Number.POSITIVE_INFINITY],
    [
      { ...look, before: moveFirst, command: (trees) => look.command({ ...trees, image: trees.root }) },
      library('emplace, library', {}, 'verify', { before: mergeFirst }),
      commandLine('emplace, command line', ({ root }) => ['verify', '--root', root], { before: mergeFirst }),
      ...byManagers('verifies'),
    ],
  );
}
