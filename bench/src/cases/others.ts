import { spawnSync } from 'node:child_process';
import type { Case } from '../case.ts';
import { COPIERS } from '../engines/copiers.ts';
import { CLI, commandLine, library, mergeCommand } from '../engines/emplace.ts';
import { floor } from '../engines/floor.ts';
import { installing, MANAGERS } from '../engines/managers.ts';
import { packageOf, SMALL_PACKAGES, smallTreeOf, treeOf } from '../trees/place.ts';
import { copyTree, entriesOf } from '../trees/versions.ts';
import { empty, smallFiles, tree, type World } from './world.ts';

/** Only the plan: nothing is changed. */
export function planning(world: World): Case {
  return {
    name: 'plan/replace-all',
    entries: entriesOf(treeOf('new')),
    prepare: () => world.make({ kind: 'ext4', image: tree('new'), root: tree('old') }),
    engines: [
      floor(world.tools.floor, 'look'),
      library('emplace, library', { dryRun: true }),
      mergeCommand('emplace, command line', {}, '--dry-run'),
    ],
  };
}

const RECOVERED = 50_000;

/** A merge of 50,000 files over as many, killed in its middle. */
export function recovering(world: World): Case[] {
  return (['killedInStage', 'killedInCommit'] as const).map((how) => {
    const killed = library('', { keepImage: true, strategy: 'hardlink' }, how);
    const before = (trees: Parameters<typeof killed.command>[0]): void => dieBy(killed.command(trees));
    return {
      name: `recover/${how === 'killedInStage' ? 'back' : 'forward'}`,
      entries: RECOVERED,
      prepare: () =>
        world.make({
          kind: 'ext4',
          image: smallFiles(world.tools, RECOVERED, 'new'),
          root: smallFiles(world.tools, RECOVERED, 'old'),
        }),
      engines: [
        floor(world.tools.floor),
        library('emplace, library', {}, 'recover', { before }),
        commandLine('emplace, command line', ({ root }) => ['recover', '--root', root, '--progress', 'none'], {
          before,
        }),
      ],
    };
  });
}

/** One file: what it takes to start counts. */
export function oneFile(world: World): Case {
  return {
    name: 'one-file/fresh',
    entries: entriesOf(treeOf('one')),
    roundsFactor: 3,
    prepare: ({ hasPackages = false }) => world.make({ kind: 'ext4', image: hasPackages ? empty : tree('one') }),
    engines: [
      { name: 'node -e 0', command: () => [process.execPath, '-e', '0'] },
      floor(world.tools.floor),
      mergeCommand('emplace, command line'),
      mergeCommand('emplace, command line, in-process', {}, '--in-process'),
      library('emplace, library'),
      library('emplace, library, sync none', { sync: 'none' }),
      ...COPIERS,
      ...MANAGERS.map((manager) => installing(manager, [packageOf('one', manager.format)])),
    ],
  };
}

/** 200 packages of ten files, one after the other, each recorded. */
export function smallPackages(world: World): Case {
  const numbers = Array.from({ length: SMALL_PACKAGES }, (_, number) => number);
  const each = (command: string): readonly string[] => ['sh', '-ec', `for i in "$0"/*; do ${command}; done`];
  return {
    name: 'small-packages/fresh',
    entries: SMALL_PACKAGES * entriesOf(smallTreeOf(0)),
    // Ten files and four directories each; two that they share.
    left: [SMALL_PACKAGES * 14 + 2, Number.POSITIVE_INFINITY],
    prepare: ({ hasPackages = false }) =>
      world.make({
        kind: 'ext4',
        image(top) {
          empty(top);
          if (!hasPackages) for (const number of numbers) copyTree(smallTreeOf(number), `${top}/${number}`);
        },
      }),
    engines: [
      {
        name: 'C loop, 200 times',
        command: ({ image, root }) => [...each('"$1" "$i" "$2"'), image, world.tools.floor, root],
      },
      library('emplace, library', { package: 'app-bench/small-1', ...{ numbers: SMALL_PACKAGES } }, 'mergeAll'),
      {
        name: 'emplace, command line, 200 times',
        command: ({ image, root }) => [
          ...each(
            '"$1" "$2" "$3" merge "$i" --root "$4" --progress none --digests md5 --slot 0 --package "app-bench/small$(basename "$i")-1"',
          ),
          image,
          ...CLI,
          root,
        ],
      },
      { name: 'cp -a, 200 times', command: ({ image, root }) => [...each('cp -a "$i/." "$1"'), image, root] },
      ...MANAGERS.map((manager) =>
        installing(
          manager,
          numbers.map((number) => packageOf(`small-${number}`, manager.format)),
        ),
      ),
    ],
  };
}

/** Twice as many files: twice the time, and how much memory. In memory, for a disk of a million inodes takes long to make. */
export function growth(world: World): Case[] {
  return [500_000, 1_000_000].flatMap((files) =>
    (['fresh', 'replace-all'] as const).map((variant) => ({
      name: `growth/${variant}-${files / 1000}k`,
      entries: files,
      prepare: () =>
        world.make({
          kind: 'tmpfs',
          image: smallFiles(world.tools, files, 'new'),
          ...(variant === 'replace-all' && { root: smallFiles(world.tools, files, 'old') }),
        }),
      engines: [
        floor(world.tools.floor, ...(variant === 'fresh' ? ['graft'] : [])),
        mergeCommand('emplace, command line'),
      ],
    })),
  );
}

/**
 * A process that merges and one that watches it, beside one that does all. `mergeSync` has as many threads as the supervised
 * merge; `--in-process` has one.
 */
export function supervision(world: World): Case[] {
  return [1, 1000, 40_000].map((files) => ({
    name: `supervision/${files}`,
    entries: files,
    prepare: () =>
      world.make({
        kind: 'tmpfs',
        image: smallFiles(world.tools, files, 'new'),
        root: smallFiles(world.tools, files, 'old'),
      }),
    engines: [
      library('emplace, library, first call', { sync: 'none' }, 'merge', { how: 'cold' }),
      library('emplace, library, first call, supervised', { sync: 'none' }, 'supervised', { how: 'cold' }),
      mergeCommand('emplace, command line', {}, '--sync', 'none'),
      mergeCommand('emplace, command line, in-process', {}, '--in-process', '--sync', 'none'),
    ],
  }));
}

/** Runs a command that ends by a kill. */
function dieBy([command = '', ...args]: readonly string[]): void {
  const { signal, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (signal !== 'SIGKILL') throw new Error(`it was to be killed, and was not\n${stderr}`);
}
