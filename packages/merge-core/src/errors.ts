import { type Bytes, isErrno, show, toBytes } from '@emplace/syscalls';

/** What a failed merge left: the tree as it was (refused, locked, rolled-back), or a journal to recover from (incomplete). */
export type FailedOutcome = 'refused' | 'locked' | 'rolled-back' | 'incomplete';

/**
 * Every code a MergeError can carry, with the exit code of the command line when nothing was touched yet and
 * what to do about it. Documented API: codes are added, never renamed. docs/ERRORS.md explains each.
 */
export const errorCodes = {
  BAD_OPTION: { exit: 2, hint: 'Change or drop the option that is named' },
  UNKNOWN_STRATEGY: { exit: 2, hint: 'Use one of: auto, rename, double-rename, hardlink, reflink, copy' },
  IMAGE_MISSING: { exit: 2, hint: 'Check the path of the image directory' },
  IMAGE_UNREADABLE: { exit: 3, hint: 'Make every directory and file of the image readable, or exclude it' },
  ROOT_MISSING: { exit: 2, hint: 'Create the root directory first, or check its path' },
  ROOT_UNUSABLE: { exit: 2, hint: 'Pass a directory that can be opened as `--root`' },
  DIRECTORY_UNUSABLE: { exit: 2, hint: 'Pass directories that can be opened' },
  OVERLAPPING_TREES: { exit: 2, hint: 'Move the image out of what it is merged onto' },
  IMAGE_COLLISION: { exit: 3, hint: 'Remove one of the two entries from the image: both land on one name in the root' },
  TYPE_CONFLICT: { exit: 3, hint: 'Move the old entry away, or pass `--replace-types` to swap it' },
  MOUNT_POINT: {
    exit: 3,
    hint: 'Unmount it, exclude the entry, or pass `--busy in-place` to write through a mounted file',
  },
  FILE_COLLISION: {
    exit: 3,
    hint: 'Unmerge the package that owns the file, or pass `--collision-ignore GLOB` or `--collisions warn`',
  },
  IMMUTABLE: { exit: 3, hint: 'Clear the flag with `chattr -i -a`' },
  READ_ONLY: { exit: 3, hint: 'Remount the file system read-write' },
  NO_SPACE: { exit: 3, hint: 'Free space on the file system, or use a strategy that does not copy' },
  NO_INODES: { exit: 3, hint: 'Remove files from the file system: its inodes are used up' },
  NAME_TOO_LONG: { exit: 3, hint: 'Shorten the name: the file system cannot hold it' },
  SYMLINK_LOOP: { exit: 3, hint: 'Repair the symlinks in the root: they lead in a circle' },
  UNSAFE_SYMLINK: { exit: 3, hint: 'Check who planted the symlink; replace it by one that root owns' },
  PERMISSION: { exit: 3, hint: 'Run as root, or as the owner of the root directory' },
  STRATEGY_IMPOSSIBLE: { exit: 3, hint: 'Use `--strategy auto`, or one that works between the two directories' },
  RENAME_HANGS: {
    exit: 3,
    hint: 'Check what serves the file system: `emplace probe --rename-shapes` shows what it does not answer',
  },
  NOT_ANSWERING: {
    exit: 3,
    hint: 'Check what serves the file system, then try again',
  },
  CANNOT_CARRY: {
    exit: 3,
    hint: 'Pass `--lossy` with what may be lost (owner, mode, xattr, time, hardlink), or exclude the entries',
  },
  EXCHANGE_UNSUPPORTED: {
    exit: 3,
    hint: 'Move the old entry away by hand: the file system cannot swap two names at once',
  },
  REQUEST_INVALID: {
    exit: 2,
    hint: 'Correct the keys that are named: docs/REQUEST.md and its JSON Schema list them all',
  },
  PORTAGE_CONFIG_INVALID: { exit: 2, hint: 'Correct the line that is named, or pass the lists as options' },
  HOOK_INVALID: { exit: 2, hint: 'Correct the hook definition at the line that is named' },
  HOOK_UNSAFE: { exit: 3, hint: 'Let root or yourself own it, and nobody else write to it (`chmod go-w`)' },
  HOOK_NOT_STARTED: { exit: 3, hint: 'Mend what is named, or leave the hook out' },
  HOOK_FAILED: { exit: 3, hint: 'See what the hook wrote; mend it or leave it out' },
  CONFIG_MEMORY_INVALID: {
    exit: 3,
    hint: 'Correct or remove the line that is named: what was remembered there is then offered once more',
  },
  CONFIG_UPDATE_UNKNOWN: { exit: 2, hint: 'Run `emplace config list`: it shows what waits, by path and number' },
  CONFIG_UPDATE_CHANGED: { exit: 3, hint: 'Run the command again: it looks at the files anew' },
  CONFIG_UPDATE_UNUSABLE: {
    exit: 3,
    hint: 'Run `emplace config accept` or `emplace config reject`, or settle it by hand',
  },
  MERGE_TOOL_FAILED: { exit: 3, hint: 'Run the tool by hand to see what is wrong, or choose another one' },
  STATE_UNSAFE: { exit: 3, hint: 'Inspect and remove `.emplace` in the root: it is not what Emplace makes' },
  VDB_DAMAGED: { exit: 3, hint: 'Repair what is named in the package database, or remove it after making a copy' },
  JOURNAL_UNREADABLE: {
    exit: 3,
    hint: 'Keep a copy of `.emplace/journal`, check the disk, then remove the file by hand',
  },
  CONTENTS_CANNOT_CARRY: {
    exit: 3,
    hint: 'Rename the entry in the image, or exclude it: CONTENTS has no way to say it',
  },
  NOT_INSTALLED: { exit: 3, hint: 'Check category, name and version: see the directories of the package database' },
  CONTENTS_DAMAGED: { exit: 3, hint: 'Restore the CONTENTS from a backup, or reinstall the package' },
  SUSPICIOUS_HARD_LINK: {
    exit: 3,
    hint: 'Find the other names with `find / -xdev -samefile PATH`, see who made them, and remove them',
  },
  RECORD_UNREADABLE: { exit: 3, hint: 'Remove the file `EMPLACE` of the package: CONTENTS is used then' },
  UNDO_MISSING: { exit: 3, hint: 'Run `emplace recover` without `--rollback` to complete the merge' },
  ROLLBACK_TOO_LATE: {
    exit: 3,
    hint: 'Run `emplace recover` to finish: the new tree is in place and its undo is being removed',
  },
  LOCKED: { exit: 6, hint: 'Wait for the other merge to end' },
  LOCK_UNAVAILABLE: {
    exit: 3,
    hint: 'Check the lock service of the file system (NFS: `rpc.lockd`, or mount it with `local_lock=flock`), then merge again',
  },
  MOVER_NOT_STARTED: { exit: 3, hint: 'Mend the cause, or pass `--in-process` to work without a process of its own' },
  MOVER_DIED: { exit: 3, hint: 'Merge again; see why the process ended (memory, a kill), or report a crash' },
  STALLED: { exit: 3, hint: 'Check what serves the file system that did not answer, then merge again' },
  STAGE_FAILED: { exit: 4, hint: 'Mend the cause and merge again' },
  COMMIT_FAILED: { exit: 4, hint: 'Mend the cause and merge again' },
  INTERRUPTED: { exit: 3, hint: 'Merge again when ready' },
  INCOMPLETE: { exit: 5, hint: 'Mend the cause, then run `emplace recover`' },
  MOUNTS_UNREADABLE: { exit: 3, hint: 'Mount procfs at `/proc`: the list of mounts is read from it' },
  PROC_UNAVAILABLE: {
    exit: 3,
    hint: 'Mount procfs at `/proc`, the one of this PID namespace: processes are read from it',
  },
  OUTPUT_UNWRITABLE: { exit: 3, hint: 'Name a file in a directory that can be written to' },
  UNSUPPORTED_PLATFORM: { exit: 3, hint: 'Run on Linux, x86-64 or arm64' },
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** A merge that did not happen, or not wholly. Decide by `code` and `outcome`; the message is for people. */
export class MergeError extends Error {
  override readonly name = 'MergeError';
  readonly code: ErrorCode;
  /** What to do, starting with a verb. */
  readonly hint: string;
  /** What the root holds now. Set by the engine when it knows. */
  outcome: FailedOutcome;
  /** All that was found wrong, where more than one thing was. */
  readonly problems: readonly Problem[];
  /** Id of the transaction, once there is one. */
  transaction: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; outcome?: FailedOutcome; problems?: readonly Problem[] } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = errorCodes[code].hint;
    this.outcome = options.outcome ?? 'refused';
    this.problems = options.problems ?? [];
  }

  /** Exit code of the command line: 2 usage, 3 refused, 4 rolled back, 5 incomplete, 6 locked. */
  get exitCode(): number {
    return this.outcome === 'refused' ? errorCodes[this.code].exit : outcomeExits[this.outcome];
  }
}

const outcomeExits = { 'rolled-back': 4, incomplete: 5, locked: 6 } as const;

/** One thing that preflight found wrong. */
export interface Problem {
  readonly code: ErrorCode;
  /** Path in the root (or the image), as bytes. */
  readonly path: Bytes;
  readonly message: string;
}

/** All problems in one error: the first decides the code, the message lists the first twenty. */
export function refuse(problems: readonly Problem[]): MergeError {
  const [first] = problems;
  if (first === undefined) throw new Error('bug: nothing to refuse');
  const shown = problems.slice(0, 20).map((problem) => problem.message);
  if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`);
  return new MergeError(first.code, shown.join('\n'), { problems });
}

/** Turns an OS error into a MergeError with `code`; a MergeError and a bug pass as they are. */
export function explain(error: unknown, code: ErrorCode, doing: string): unknown {
  if (error instanceof MergeError || !isErrno(error)) return error;
  return new MergeError(code, `${doing}: ${error.message}`, { cause: error });
}

/** Text that is no path, for a message: it can neither end its quotation nor do anything to a terminal (JSON leaves C1 controls). */
export function quotedText(text: unknown): string {
  return show(toBytes(JSON.stringify(String(text))));
}

/** A path for a message. */
export function quoted(path: Bytes): string {
  return `\`${show(path)}\``;
}
