import type { Engine } from '../case.ts';

/** What copies trees and knows of no packages. */
export const COPIERS: readonly Engine[] = [
  { name: 'cp -a', command: ({ image, root }) => ['cp', '-a', `${image}/.`, root] },
  { name: 'rsync -a', command: ({ image, root }) => ['rsync', '-a', `${image}/`, `${root}/`] },
  {
    name: 'tar, tar',
    command: ({ image, root }) => [
      'sh',
      '-c',
      'tar -C "$1" -cf - . | tar -C "$2" -xpf - --numeric-owner',
      'sh',
      image,
      root,
    ],
  },
];

/** The same, and then all of it is written to the disk, as it is after a merge: what that alone takes. */
export function synced({ name, command }: Engine): Engine {
  const script = 'root=$1; shift; "$@" && sync -f "$root"';
  return { name: `${name}, sync -f`, command: (trees) => ['sh', '-c', script, 'sh', trees.root, ...command(trees)] };
}
