/** A root with directories that a user owns, a tree beside it that nobody may touch, and what is merged. */
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { directory, fifo, file, hardLink, symlink, type TreeEntry, USER, writeTree } from '@emplace/fixtures';

/** Paths of a world. The names in `outside` and `root/etc` are those of the package: who is led there hits them. */
export interface World {
  /** On the same file system as the root. */
  readonly outside: string;
  readonly root: string;
  /** Of the user: hard links to setuid programs. */
  readonly stash: string;
  /** Of root, where nobody looks: the image, and what is kept of the merger. */
  readonly private: string;
}

export function worldAt(place: string): World {
  return {
    outside: `${place}/outside`,
    root: `${place}/root`,
    stash: `${place}/stash`,
    private: `${place}/private`,
  };
}

/** Directories of the root that belong to the user, outermost first. */
export const OWNED = ['srv', 'srv/a', 'srv/a/deep', 'srv/b'] as const;

/** Not `passwd` and `shadow`: should a link ever lead to the machine's own, nothing is harmed there. */
const PRECIOUS: readonly TreeEntry[] = [
  directory('sub', { mode: 0o755 }),
  file('lab-passwd', 'nobody touches this'),
  file('lab-shadow', 'nor this', { mode: 0o600 }),
  file('su', 'a program', { mode: 0o4755 }),
  file('sub/lab-passwd', 'nor that'),
];

/** @param rootOwner whose the root directory itself is */
export function makeWorld(place: string, rootOwner: number): World {
  const world = worldAt(place);
  for (const path of [world.outside, world.root, world.stash, world.private]) mkdirSync(path, { recursive: true });
  writeTree(world.outside, PRECIOUS);
  const entries = PRECIOUS.map((entry) => ({ ...entry, path: `etc/${entry.path}` as typeof entry.path }));
  const owned = OWNED.map((path) => directory(path, { uid: USER, gid: USER }));
  const others = ['usr', 'usr/bin', 'var', 'var/db', 'var/db/pkg', 'var/db/pkg/app-misc'].map((path) =>
    directory(path),
  );
  writeTree(world.root, [directory('etc'), ...entries, ...owned, ...others]);
  chownSync(world.root, rootOwner, rootOwner);
  chownSync(world.stash, USER, USER);
  chmodSync(world.private, 0o700);
  return world;
}

/** What is merged, a version of it: into directories of root, of the user, and new ones. */
export function imageEntries(version: number): TreeEntry[] {
  const user = { uid: USER, gid: USER };
  const content = (name: string): string => `${name} of version ${version}\n`.repeat(50);
  const entries: TreeEntry[] = [
    ...['usr', 'usr/bin', 'srv/keys'].map((path) => directory(path)),
    ...[...OWNED, 'srv/a/sub', `srv/new-${version}`, `srv/b/new-${version}`].map((path) => directory(path, user)),
    file('usr/bin/su', content('su'), { mode: 0o4755 }),
    file('usr/bin/wall', content('wall'), { mode: 0o2755 }),
    hardLink('usr/bin/su-alias', 'usr/bin/su'),
    file('srv/b/su', content('su'), { mode: 0o4755 }),
    file('srv/keys/key', content('key'), { mode: 0o600 }),
    symlink('srv/b/link', `target-${version}`),
    fifo('srv/b/fifo'),
    file('srv/b/pair', content('pair')),
    hardLink('srv/a/pair', 'srv/b/pair'),
  ];
  for (const parent of ['srv/a', 'srv/a/deep', 'srv/a/sub', 'srv/b', `srv/new-${version}`, `srv/b/new-${version}`]) {
    for (const name of ['lab-passwd', 'lab-shadow', 'own'])
      entries.push(file(`${parent}/${name}`, content(name), name === 'own' ? user : { mode: 0o644 }));
  }
  return entries;
}
