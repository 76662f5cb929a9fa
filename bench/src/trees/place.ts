import { fileURLToPath } from 'node:url';

/** Where `prepare` leaves what `start` measures with. */
const TREES = fileURLToPath(new URL('../../trees/', import.meta.url));

export const DOWNLOADS = `${TREES}debs`;

/** What is merged: `old` and `new` have the same names; `tenth` has every tenth file of `new`, one half of them as there. */
export const VERSIONS = ['old', 'new', 'tenth', 'one'] as const;
export type Version = (typeof VERSIONS)[number];

export function treeOf(version: Version): string {
  return `${TREES}${version}`;
}

/** How many packages the case of many small ones has. */
export const SMALL_PACKAGES = 200;

export function smallTreeOf(number: number): string {
  return `${TREES}small/${number}`;
}

/** Formats of the peers. */
export const FORMATS = ['deb', 'rpm', 'pacman'] as const;
export type Format = (typeof FORMATS)[number];

/** The package of a tree. The packages of `old` and `new` are two versions of one, all others are packages of their own. */
export function packageOf(name: Version | `small-${number}`, format: Format): string {
  return `${TREES}packages/${name}.${format === 'pacman' ? 'pkg.tar' : format}`;
}
