import type { FsPort, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Problem } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { PathText } from '../ledger/package-request.ts';

/** Which root, and what of it is protected. */
export interface ConfigOptions {
  /** The root directory; relative to the current directory. */
  readonly root: PathText;
  /** Portage's package database, a directory in the root: it tells owners and EPREFIX. Default `var/db/pkg` there, if there. */
  readonly vdb?: PathText;
  /** Paths in the root that are protected. Default: what `portageConfig` says, else `/etc`. */
  readonly configProtect?: readonly PathText[];
  /** Read CONFIG_PROTECT from Portage's configuration in the root. */
  readonly portageConfig?: boolean;
  /** With `portageConfig`: variables that count before its files. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** `full`: what was settled survives a power cut. Default `full`. */
  readonly sync?: 'full' | 'none';
  readonly onEvent?: Emit;
  /** Another file system than Linux's own, for tests. */
  readonly fs?: FsPort;
}

/** One `._cfgNNNN_NAME`. */
export interface PendingUpdate {
  /** NNNN: the highest is the newest. */
  readonly number: number;
  readonly name: Bytes;
  readonly stat: Stat;
}

/**
 * How a protected file and its newest update differ. `trivial`: in blanks and comments alone. `large`: too long to be compared.
 * `unreadable`: this user may not read them. `missing`: the file is not there. `symlink`: one of them is one. `type`: something else
 * than a file or symlink is in the way.
 */
export type Difference =
  | 'same'
  | 'trivial'
  | 'text'
  | 'binary'
  | 'large'
  | 'unreadable'
  | 'missing'
  | 'symlink'
  | 'type';

/** A protected file for which updates wait. */
export interface PendingFile {
  /** From 1, in the list that it stands in: another list may number it otherwise. */
  readonly number: number;
  /** As CONFIG_PROTECT leads to it, below the root. */
  readonly path: Bytes;
  /** The directory that holds it, without a symlink on the way. */
  readonly directory: Bytes;
  readonly name: Bytes;
  /** undefined: it is not there. */
  readonly stat: Stat | undefined;
  /** The earliest first. The last one counts; those before it are obsolete. */
  readonly updates: readonly [PendingUpdate, ...PendingUpdate[]];
  readonly difference: Difference;
  /** How it was shipped when it was last brought up to an update is known: a merge is one of three texts. */
  readonly hasBase: boolean;
  /** `CATEGORY/PF` of each package that lists it. */
  readonly owners: readonly string[];
}

export interface ConfigUpdateList {
  /** Sorted by path. */
  readonly files: readonly PendingFile[];
  /** What could not be looked at. */
  readonly problems: readonly Problem[];
}

/** An update that was chosen from a list, with the file that it is for. */
export interface ChosenUpdate {
  readonly file: PendingFile;
  readonly update: PendingUpdate;
}

/** The update that counts. */
export function newestOf({ updates }: PendingFile): PendingUpdate {
  return updates.at(-1) ?? updates[0];
}
