/** What is done to a package that is there: taken out, verified. */
import type { Case, Engine, Trees } from '../case.ts';
import { commandLine, library } from '../engines/emplace.ts';
import { floor } from '../engines/floor.ts';
import { MANAGERS, type Manager, prepareBy } from '../engines/managers.ts';
import { packageOf, treeOf } from '../trees/place.ts';
import { empty, entriesOf, tree, type World } from './world.ts';

const PACKAGE = 'app-bench/system-1';
const recorded = library('', { package: PACKAGE });

/** The Debian tree is in the root, and recorded there by whoever is to do the work. */
function installedCase(world: World, name: string, engines: readonly Engine[]): Case {
  return {
    name,
    entries: entriesOf(treeOf('new')),
    prepare: ({ hasPackages = false }) => world.make({ kind: 'ext4', image: hasPackages ? empty : tree('new') }),
    engines,
  };
}

function mergeFirst(trees: Trees): void {
  prepareBy(recorded.command(trees));
}

function moveFirst({ image, root }: Trees): void {
  prepareBy(['sh', '-c', 'mv "$1"/* "$2"', 'sh', image, root]);
}

function byManagers(verb: (manager: Manager) => Manager['remove']): Engine[] {
  return MANAGERS.flatMap((manager) => {
    const command = verb(manager);
    if (command === undefined) return [];
    return {
      name: command({ image: '', root: '', aside: '' } as Trees, '')
        .filter((word) => /^(dpkg|rpm|pacman|-[eVRQ]|--purge|--verify)/.test(word))
        .join(' '),
      hasPackages: true,
      before(trees) {
        manager.makeDatabase(trees);
        prepareBy(manager.install(trees, [packageOf('new', manager.format)]));
      },
      command: (trees) => command(trees, 'bench-system'),
    } satisfies Engine;
  });
}

export function unmerging(world: World): Case {
  return installedCase(world, 'unmerge/all', [
    { name: 'rm -r', before: moveFirst, command: ({ root }) => ['sh', '-c', 'rm -r "$1"/*', 'sh', root] },
    library('emplace, library', { package: PACKAGE }, 'unmerge', { before: mergeFirst }),
    commandLine('emplace, command line', ({ root }) => ['unmerge', PACKAGE, '--root', root, '--progress', 'none'], {
      before: mergeFirst,
    }),
    ...byManagers(({ remove }) => remove),
  ]);
}

export function verifying(world: World): Case {
  const look = floor(world.tools.floor, 'look', 'md5', 'threads=2');
  return installedCase(world, 'verify/all', [
    { ...look, before: moveFirst, command: (trees) => look.command({ ...trees, image: trees.root }) },
    library('emplace, library', {}, 'verify', { before: mergeFirst }),
    commandLine('emplace, command line', ({ root }) => ['verify', '--root', root], { before: mergeFirst }),
    ...byManagers(({ verify }) => verify),
  ]);
}
