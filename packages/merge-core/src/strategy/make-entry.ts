import type { FileHandle, FsPort, Stat, Timestamp, Xattrs } from '@emplace/fsprobe';
import { MergeError, quoted } from '../errors.ts';
import type { Digests } from '../ledger/digests.ts';
import { applyAttributes, portable } from './attributes.ts';
import { bornIn } from './birthplace.ts';
import type { FillContent, Reading } from './content.ts';
import type { Name, NewName } from './strategy.ts';

/** What was read of an entry while a second one was made of it. */
export interface Made {
  /** Those that travel. */
  readonly xattrs: Xattrs;
  /** Of a file, if any were wanted and its content was read. */
  readonly digests?: Digests | undefined;
  /** Of what was digested, bytes. */
  readonly size?: number | undefined;
  /** That the second one was given. */
  readonly mtime?: Timestamp;
}

/**
 * Makes a second entry with the type, content and attributes of `source` (anything but a directory) under a
 * name that must not exist yet. Mode 0600 until all else is done. A failure removes what was made.
 */
export function makeEntry(
  source: Name,
  stat: Stat,
  staged: NewName,
  fill: FillContent,
  fs: FsPort,
  reading?: Reading,
): Made {
  const from = stat.type === 'file' ? fs.openFile(source.dir, source.name) : fs.pin(source.dir, source.name);
  try {
    // The entry may have been swapped since it was planned: only what the handle holds is copied.
    const now = fs.statHandle(from);
    if (now.type !== stat.type)
      throw new MergeError('STAGE_FAILED', `${quoted(source.name)} in the image changed its type while it was staged`);
    const to = create(source, now, staged, fs);
    let made: Made;
    try {
      const born = now.type === 'file' ? bornIn(staged.birthplace, to, fs) : undefined;
      const digested = now.type === 'file' ? fill(from, to, now, fs, reading) : undefined;
      const { type, uid, gid, mode, mtime } = now;
      made = { xattrs: portable(fs.xattrs(from)), digests: digested?.digests, size: digested?.size, mtime };
      applyAttributes(to, { type, uid, gid, mode, mtime, xattrs: made.xattrs }, fs, born);
    } catch (error) {
      try {
        // It may be setuid already, and a user hold a hard link to it.
        if (now.type === 'file' && (now.mode & 0o6000) !== 0) fs.chmod(to, 0o600);
      } finally {
        fs.closeFile(to);
        fs.unlink(staged.dir, staged.name);
      }
      throw error;
    }
    fs.closeFile(to);
    return made;
  } finally {
    fs.closeFile(from);
  }
}

function create(source: Name, stat: Stat, staged: Name, fs: FsPort): FileHandle {
  switch (stat.type) {
    case 'file':
      return fs.createFile(staged.dir, staged.name, 0o600);
    case 'symlink':
      fs.symlink(staged.dir, staged.name, fs.readlink(source.dir, source.name));
      break;
    case 'fifo':
    case 'char':
    case 'block':
      fs.mknod(staged.dir, staged.name, stat.type, 0o600, stat.rdev);
      break;
    case 'directory':
    case 'socket':
      throw new Error(`bug: a ${stat.type} is not made here`);
    default:
      stat.type satisfies never;
  }
  return pinOwn(staged, stat, fs);
}

/** Pins what was just made, and nothing that somebody who may write to the directory put in its place. */
function pinOwn(staged: Name, expected: Stat, fs: FsPort): FileHandle {
  const to = fs.pin(staged.dir, staged.name);
  try {
    const made = fs.statHandle(to);
    if (made.type === expected.type && made.nlink === 1 && made.uid === fs.uid) return to;
    throw new MergeError('STAGE_FAILED', `${quoted(staged.name)} was replaced by somebody while it was made`);
  } catch (error) {
    fs.closeFile(to);
    throw error;
  }
}
