import type { DirHandle, FactName, FsPort, Site, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Birthplace } from './birthplace.ts';
import type { Reading } from './content.ts';
import type { Made } from './make-entry.ts';

/** One name in an open directory. */
export interface Name {
  readonly dir: DirHandle;
  readonly name: Bytes;
}

/** A name that is to be made. */
export interface NewName extends Name {
  /** What is known of the files that are made in its directory. */
  readonly birthplace?: Birthplace | undefined;
}

/** What a strategy does, for those who choose one. */
export interface StrategyTraits {
  /** `in-image`: stays there until committed. `moved`: leaves the image when staged. `made`: a second entry. */
  readonly staging: 'in-image' | 'moved' | 'made';
  /** Calls link(2). */
  readonly links: boolean;
  /** The target is another inode than the image's: content is written, and needs room. */
  readonly copies: boolean;
}

/** One way to bring an entry to where a single rename commits it. */
export interface Strategy {
  readonly name: string;
  readonly traits: StrategyTraits;
  /** What must be true at a site for it to work there: measured before anything is staged. */
  readonly needs?: readonly FactName[];
  /** Cheap, from the site alone: the errno that it would meet there, or undefined when it can be tried. */
  refusedAt(site: Site): string | undefined;
  /**
   * Brings the image's entry to the staged name: any entry for a strategy that moves, else all but directories,
   * which the engine makes itself. A failure leaves no staged name. Not called when it stages `in-image`.
   *
   * @returns what was read of the entry, if it was: what is not told is read apart where it is wanted
   */
  stage(source: Name, stat: Stat, staged: NewName, fs: FsPort, reading: Reading): Made | undefined;
}

/** errnos that refuse the whole site: the rung is not tried there again. */
export const siteRefusals: readonly string[] = ['EXDEV', 'EOPNOTSUPP', 'ENOSYS', 'ENOTTY'];

/** errnos that refuse this entry: the next one may be fine. */
export const entryRefusals: readonly string[] = ['EMLINK', 'EPERM', 'EINVAL', 'ETXTBSY'];
