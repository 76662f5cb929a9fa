import type { EntryType, FactName, Site, Timestamp, Xattrs } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Problem } from '../errors.ts';
import type { Warning } from '../events.ts';
import type { Losable } from './carry.ts';
import type { Identicals } from './identicals.ts';
import type { Placements } from './placements.ts';

/** Owner, mode, extended attributes and time of one entry. ACLs and file capabilities are among the xattrs. */
export interface Attributes {
  readonly uid: number;
  readonly gid: number;
  /** 07777. */
  readonly mode: number;
  readonly mtime: Timestamp;
  readonly xattrs: Xattrs;
}

/**
 * A directory in which something is decided entry by entry.
 * `keep`: the root has it and it stays as it is. `adopt`: the root has it and takes the image's attributes.
 * `make`: new, but something inside needs a decision of its own, so it cannot go in as a graft. `drop`: obsolete, it
 * goes in the end if nothing is in it then.
 */
export interface PlannedDirectory {
  /** Below the image; `''` is its top. undefined: the image has nothing to do with it. */
  readonly image: Bytes | undefined;
  /** Below the root, every component a real directory (symlinks resolved when planned). */
  readonly target: Bytes;
  readonly action: 'keep' | 'adopt' | 'make' | 'drop';
  /** The image's attributes, for `make` and `adopt`. */
  readonly attributes?: Attributes;
  /** The root's attributes, for `adopt`: what a rollback restores. */
  readonly old?: Attributes;
  /** The time of a directory that the root has: what a rollback restores. */
  readonly oldMtime?: Timestamp;
}

/**
 * What a rollback brings the old entry back from.
 * `none`: there was no old entry, or none was asked for. `link`: a hard link beside it. `exchange`: the staged
 * name, once both were swapped. `reflink`, `copy`: a second file with its content and attributes.
 */
export type UndoKind = 'none' | 'link' | 'exchange' | 'reflink' | 'copy';

/** The entry that a placement replaces. */
export interface OldEntry {
  readonly type: EntryType;
  /** A directory that had no entries: whatever is in it later is not ours to remove. */
  readonly empty: boolean;
  readonly ino: bigint;
  readonly mode: number;
  /** Of a mounted file that is written in place: when its inode was made. */
  readonly born?: Timestamp;
}

/** One name in the root that one rename (or exchange) puts in place. */
export interface Placement {
  /** Index into {@link Plan.directories}. */
  readonly directory: number;
  /** In the image, and in the root unless `as` says otherwise. */
  readonly name: Bytes;
  /** Its name in the root: a protected file goes beside the one that is there. */
  readonly as?: Bytes | undefined;
  /** Not of the image: the n-th of {@link Plan.records}. */
  readonly record?: number;
  /** The name that the old entry has in the end, instead of being removed. */
  readonly oldAs?: Bytes | undefined;
  /** Instead of a derived staged name: one that other programs know (Portage's `-MERGING-`). */
  readonly stagedAs?: Bytes;
  readonly type: EntryType;
  /** `create`, `replace`: not a directory. `graft`: a whole new directory. `swap`: directory against non-directory. `overwrite`: a mounted file, in place. */
  readonly action: 'create' | 'replace' | 'graft' | 'swap' | 'overwrite';
  /** The image's inode. */
  readonly ino: bigint;
  readonly size: number;
  /** Entries that it holds: 1, or all of a graft. */
  readonly entries: number;
  readonly old?: OldEntry | undefined;
  /** The rung planned; staging may take a later one of the ladder when the file system refuses this entry. */
  readonly rung: string;
  /** How the rung stages: the entry stays in the image, is moved out of it, or a second one is made. */
  readonly staging: 'in-image' | 'moved' | 'made';
  readonly undo: UndoKind;
  /** Inode of the entry that will be placed, once it is staged: `ino` for all but copies. */
  readonly placedIno: bigint;
  /** Staging made something else of it than was planned. */
  readonly isRevised?: boolean;
}

/** An entry that the root has already: only its time differs, if at all. */
export interface Identical {
  readonly directory: number;
  readonly name: Bytes;
  /** The image's inode, so that clean-up removes no other file. */
  readonly ino: bigint;
  readonly mtime: Timestamp;
  readonly oldMtime: Timestamp;
}

/** A name of the root that goes, with none that takes its place: an obsolete file, the record of a version that is replaced. */
export interface Removal {
  readonly directory: number;
  readonly name: Bytes;
  readonly old: OldEntry;
  /** `move`: renamed beside, for what no process runs and for whole directories. The others: a second entry beside, and the name is unlinked. */
  undo: Extract<UndoKind, 'none' | 'link' | 'reflink' | 'copy'> | 'move';
}

/** What the ledger brings beside the image: a file with this content, or a directory of such files. */
export interface PlannedRecord {
  /** Below the root. */
  readonly path: Bytes;
  readonly mode: number;
  /** Of a file. Asked for when everything else is staged. */
  readonly content?: () => Buffer;
  /** Of a directory: its files by name. */
  readonly files?: () => ReadonlyMap<Bytes, Buffer>;
}

/** A site that something is placed at. */
export interface PlannedSite {
  readonly site: Site;
  /** A directory of the image there, with its time; undefined when the root is on both sides. */
  readonly image?: { readonly path: Bytes; readonly mtime: Timestamp };
  /** A directory that the root has there: with the other one that in which it can be measured. */
  readonly target: Bytes;
  /** Strategies that can be used, cheapest first. */
  readonly rungs: readonly string[];
  /** Strategies that cannot, and why. */
  readonly refused: ReadonlyMap<string, string>;
  /** Placements there. */
  placements: number;
  /** What the plan counts on there: measured before anything is staged. */
  readonly relies: Set<FactName>;
}

/** An entry that its target's file system cannot carry whole, as the caller accepted. */
export interface Lost {
  readonly path: Bytes;
  readonly what: readonly Losable[];
}

export interface Counts {
  /** Entries that the root did not have, those inside grafts among them. */
  created: number;
  replaced: number;
  identical: number;
  /** Directories that went in as a whole. */
  grafted: number;
  /** Excluded entries and sockets. */
  skipped: number;
  /** Old names that go. */
  removed: number;
}

/** A protected entry of the root that stays as it is: the new one goes beside it, or is not offered again. */
export interface Protected {
  readonly path: Bytes;
  readonly as?: Bytes;
}

export interface PlannedImage {
  /** Absolute. */
  readonly path: Bytes;
  /** Tells the image directory from a later one of that name. */
  readonly id: string;
}

/** Every decision of a merge, made before anything is touched. */
export interface Plan {
  readonly transaction: string;
  /** undefined: nothing is merged, only removed. */
  readonly image: PlannedImage | undefined;
  /** The image is left whole. */
  readonly keepImage: boolean;
  /** What entries may lose where the root cannot carry it. */
  readonly lossy: readonly Losable[];
  /** Globs whose matches stay out of the merge. */
  readonly exclude: readonly string[];
  /** Paths below the image that stay out too, with all below them. */
  readonly masked: ReadonlySet<Bytes>;
  /** Parents before children. */
  readonly directories: PlannedDirectory[];
  /** In the order of the commit. */
  readonly placements: Placements;
  readonly identical: Identicals;
  /** Each directory after what is in it. */
  readonly removals: Removal[];
  /** Files of the root that are locked meanwhile, since other programs go by them: who finishes this later locks them again. */
  readonly locks: Bytes[];
  /** In the order of their placements. */
  readonly records: PlannedRecord[];
  readonly protected: Protected[];
  readonly sites: PlannedSite[];
  readonly lost: Lost[];
  readonly counts: Counts;
  /** Content of the regular files that are placed, bytes. */
  bytes: number;
  readonly warnings: Warning[];
  /** Why it must be refused; empty for a plan that can be carried out. */
  readonly problems: Problem[];
}
