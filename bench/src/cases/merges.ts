import type { Case, Engine } from '../case.ts';
import { COPIERS, synced } from '../engines/copiers.ts';
import { type Asked, library, mergeCommand } from '../engines/emplace.ts';
import { floor } from '../engines/floor.ts';
import { installing, MANAGERS, type Manager } from '../engines/managers.ts';
import { packageOf, treeOf, type Version } from '../trees/place.ts';
import { entriesOf } from '../trees/versions.ts';
import { empty, type Shape, tree, type World } from './world.ts';

/** What lies where before a merge of the Debian tree. */
interface Variant {
  readonly name: string;
  readonly image: Version;
  readonly root?: Version;
}

const VARIANTS: readonly Variant[] = [
  { name: 'fresh', image: 'new' },
  { name: 'replace-all', image: 'new', root: 'old' },
  { name: 'replace-tenth', image: 'tenth', root: 'new' },
];

interface Family {
  readonly name: string;
  readonly kind: Shape['kind'];
  readonly across: boolean;
  /** Ways of the C loop; the first is the one to compare with. */
  readonly floors: (isFresh: boolean) => readonly (readonly string[])[];
  readonly asked: Asked;
  /** Others that do the same job. */
  readonly peers: readonly Engine[];
  readonly managers: readonly Manager[];
}

const CONTENTS = 'var/lib/bench-contents';
const CLONE: Engine = {
  name: 'cp -a --reflink=always',
  command: ({ image, root }) => ['cp', '-a', '--reflink=always', `${image}/.`, root],
};

const FAMILIES: readonly Family[] = [
  {
    name: 'same-mount',
    kind: 'ext4',
    across: false,
    floors: (isFresh) => (isFresh ? [['graft'], ['graft', 'threads=2'], []] : [[], ['threads=2']]),
    asked: {},
    peers: COPIERS,
    managers: MANAGERS,
  },
  {
    name: 'same-mount-md5',
    kind: 'ext4',
    across: false,
    floors: (isFresh) => [['threads=2'], []].map((threads) => [...(isFresh ? ['graft'] : []), 'md5', ...threads]),
    asked: { contents: CONTENTS },
    peers: [],
    managers: [],
  },
  {
    name: 'across',
    kind: 'ext4',
    across: true,
    floors: () => [['copy', 'threads=2'], ['copy']],
    asked: { keepImage: true },
    peers: COPIERS,
    managers: MANAGERS,
  },
  {
    name: 'across-md5',
    kind: 'ext4',
    across: true,
    floors: () => [
      ['copy', 'md5', 'threads=2'],
      ['copy', 'md5'],
    ],
    asked: { keepImage: true, contents: CONTENTS },
    peers: [],
    managers: [],
  },
  ...(['xfs', 'btrfs'] as const).map(
    (kind): Family => ({
      name: `reflink-${kind}`,
      kind,
      across: false,
      floors: () => [['clone', 'threads=2'], ['clone']],
      asked: { keepImage: true, strategy: 'reflink' },
      peers: [CLONE],
      managers: [],
    }),
  ),
];

export function merges(world: World): Case[] {
  return FAMILIES.flatMap((family) => VARIANTS.map((variant) => mergeCase(world, family, variant)));
}

function mergeCase(world: World, family: Family, { name, image, root }: Variant): Case {
  const { kind, across, asked } = family;
  const floors = family.floors(root === undefined).map((options) => floor(world.tools.floor, ...options));
  return {
    name: `${family.name}/${name}`,
    entries: entriesOf(treeOf(image)),
    left: [entriesOf(treeOf(root === undefined ? image : 'new')), Number.POSITIVE_INFINITY],
    prepare({ hasPackages = false }) {
      if (hasPackages) return world.make({ kind, image: empty });
      return world.make({
        kind,
        image: across ? world.inMemory(image) : tree(image),
        ...(root && { root: tree(root) }),
      });
    },
    engines: [
      ...floors,
      ...(across ? [...floors.slice(0, 1), ...family.peers.slice(0, 1)].map(synced) : []),
      library('emplace, library', asked),
      library('emplace, library, sync none', { ...asked, sync: 'none' }),
      mergeCommand('emplace, command line', asked),
      ...family.peers,
      ...family.managers.map((manager) => {
        const installed = root === undefined ? [] : [packageOf(root, manager.format)];
        return installing(manager, [packageOf(image, manager.format)], installed);
      }),
    ],
  };
}
