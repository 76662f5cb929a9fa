import type { Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Problem } from '../errors.ts';
import type { ContentsEntry } from './contents.ts';
import type { PackageName } from './package-name.ts';
import type { Place } from './real-paths.ts';

/** Portage's labels, and after them those that only we have. `''` goes with what is removed, and with what is never removed. */
export type UnmergeReason =
  | ''
  | '!prefix'
  | '!found'
  | 'cfgpro'
  | 'replaced'
  /** A library that another package needs (A.14). */
  | 'needed'
  | '!mtime'
  | '!md5'
  | '!dir'
  | '!sym'
  | '!obj'
  | '!fif'
  | '!empty'
  /** Reached through a symlink that a user may have planted, or through a circle of them. */
  | '!unsafe'
  /** Something is mounted there. */
  | '!mount';

export interface Verdict {
  /** As CONTENTS has it. */
  readonly path: Bytes;
  /** Where it really is: no directory in it is a symlink. Two paths may have one target; only one of them is removed. */
  readonly target: Bytes;
  readonly type: ContentsEntry['type'];
  /** A directory is said to become empty when all verdicts before it are carried out. */
  readonly verdict: 'remove' | 'keep' | 'remove-directory-if-empty';
  readonly reason: UnmergeReason;
  /** The entry itself as it was found; undefined where there is none or it was not looked at. */
  readonly stat?: Stat;
}

export interface UnmergeRules {
  /** EPREFIX below the root; `''` is none. Nothing outside of it is touched. */
  readonly prefix: Bytes;
  /**
   * The new version, or another package of the slot, has the path: listed, implied as a parent, or under another name of
   * its directory (I.2d). Asked with the path of CONTENTS, then with the real one.
   */
  readonly isReplaced: (path: Bytes) => boolean;
  /** It has the path as a directory. */
  readonly isReplacedByDirectory: (path: Bytes) => boolean;
  /** CONFIG_PROTECT, F. Asked with both paths too. */
  readonly isProtected: (path: Bytes, stat: Stat) => boolean;
  /** UNINSTALL_IGNORE: globs of Python's fnmatch against the path below the prefix, which starts with a slash. */
  readonly uninstallIgnore: readonly Bytes[];
  /** FEATURES=-unmerge-orphans: what was changed since it was merged stays, protected or not. */
  readonly keepModified: boolean;
  /** Packages, other than those that go, that have this path or something below it. */
  readonly otherOwners: (path: Bytes) => readonly PackageName[];
  /** INFOPATH and INFODIR. */
  readonly infoDirectories: readonly Bytes[];
}

export interface Unmerge {
  /** One for each path, in an order in which they can be carried out. */
  readonly verdicts: readonly Verdict[];
  /** Symlinks to directories that stay since others use them, or are left over from a version that had them as symlinks. */
  readonly linksKept: readonly LinkKept[];
  /** Why paths are `!unsafe`. */
  readonly unsafe: readonly Problem[];
}

export interface LinkKept {
  readonly path: Bytes;
  /** Who has files through it. None: the new version has it as a directory. */
  readonly owners: readonly PackageName[];
}

/** An entry that is there. */
export interface Found {
  readonly entry: ContentsEntry;
  readonly place: Place;
  readonly stat: Stat;
}
