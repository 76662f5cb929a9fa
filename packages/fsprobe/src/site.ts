import { filesystemName, renamesDirectories } from './filesystem.ts';

/** Where one of a site's two directories lies. */
export interface Place {
  readonly dev: number;
  readonly mountId: number;
  /** statfs f_type. */
  readonly magic: number;
}

/** A source directory and a target directory, and what follows from where they lie. Nothing here touches them. */
export interface Site {
  readonly source: Place;
  readonly target: Place;
}

/** Two sites with one key have the same facts. */
export function siteKey({ source, target }: Site): string {
  return `${source.mountId}:${source.dev}>${target.mountId}:${target.dev}`;
}

/**
 * Whether rename(2) and link(2) can work between the two. st_dev alone does not say: a bind mount shares it and
 * gives EXDEV. The mount id alone neither: a btrfs subvolume shares that.
 */
export function onOneMount({ source, target }: Site): boolean {
  return source.mountId === target.mountId && source.dev === target.dev;
}

export function canRenameDirectories(site: Site): boolean {
  return onOneMount(site) && renamesDirectories(site.source.magic);
}

/** For messages: `ext4, mount 29 → tmpfs, mount 31`. */
export function describeSite({ source, target }: Site): string {
  return `${filesystemName(source.magic)}, mount ${source.mountId} → ${filesystemName(target.magic)}, mount ${target.mountId}`;
}
