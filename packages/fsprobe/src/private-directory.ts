/**
 * Directories of our own in directories that others may write to. mkdir(2) returns no handle, so between it and the open
 * somebody may put another directory under the name (RENAME_EXCHANGE), and whoever believes the name works, deletes and
 * runs programs in that one. So what was opened is looked at before anything is done in it, and from then on only the
 * handle is used.
 *
 * Not guaranteed: anything against root, or against who already runs as us.
 */
import { ascii, type Bytes, SyscallError } from '@emplace/syscalls';
import type { DirHandle, FsPort, Stat } from './fs/port.ts';
import { ignoring, ignoringGone } from './ignoring.ts';

const HERE: Bytes = ascii('');

/** What has the name is not what was made, or others can get into it. It was not touched. */
export class NotOursError extends Error {
  override readonly name = 'NotOursError';
  readonly code = 'NOT_OURS';
}

export interface PrivateDirectory {
  readonly dir: DirHandle;
  /** `dev:ino`, by which another process knows it again. */
  readonly identity: string;
  /** Why no program may be run from it: somebody else could replace the directory, or what is in it. */
  readonly exposed: string | undefined;
  /** Whether the name leads to something else by now, or to nothing. */
  isGone(): boolean;
  /**
   * Removes it, once `empty` has removed what it knows of. Others' files stay, and so does what others put under its
   * name. The handle is good until {@link close}.
   * @returns why something is left under the name; undefined when nothing is
   * @throws SyscallError
   */
  remove(empty: (dir: DirHandle) => void): string | undefined;
  close(): void;
}

/**
 * Makes a directory (0700) that nobody else can reach into, opens it, and makes sure that it is that one.
 * @throws NotOursError when it is not; SyscallError of mkdir, openat2, getdents64 or statx: ENOENT when it is gone again
 */
export function makePrivateDirectory(parent: DirHandle, name: Bytes, fs: FsPort): PrivateDirectory {
  fs.mkdir(parent, name, 0o700);
  try {
    const made = openPrivateDirectory(parent, name, fs);
    try {
      if (fs.list(made.dir).length > 0) throw new NotOursError('the directory that was just made is not empty');
      return made;
    } catch (error) {
      made.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof SyscallError) removeUnused(parent, name, fs);
    throw error;
  }
}

/**
 * Opens one that {@link makePrivateDirectory} made, in this process or another.
 * @param identity when it is known; without it another directory of ours that others cannot enter is taken for it
 * @throws NotOursError, SyscallError: ENOENT when there is none, ENOTDIR or ELOOP for something else
 */
export function openPrivateDirectory(parent: DirHandle, name: Bytes, fs: FsPort, identity?: string): PrivateDirectory {
  const dir = fs.openDir(parent, name);
  try {
    const around = existing(fs.stat(parent, HERE), HERE);
    const own = existing(fs.stat(dir, HERE), name);
    const others = whoMayRename(around, own, fs.uid);
    const wrong = others === undefined ? undefined : whyReachable(own, fs.uid);
    if (wrong !== undefined) throw new NotOursError(`${wrong}, and ${others}`);
    if (own.mountId !== around.mountId) throw new NotOursError('something is mounted on the directory');
    if (
      identityOf(existing(fs.stat(parent, name), name)) !== identityOf(own) ||
      (identity !== undefined && identity !== identityOf(own))
    )
      throw new NotOursError('another directory was put in the place of the one that was made');
    return privateDirectory(parent, name, dir, own, others ?? whyWritable(own, fs.uid), fs);
  } catch (error) {
    fs.closeDir(dir);
    throw error;
  }
}

function privateDirectory(
  parent: DirHandle,
  name: Bytes,
  dir: DirHandle,
  own: Stat,
  exposed: string | undefined,
  fs: FsPort,
): PrivateDirectory {
  const identity = identityOf(own);
  const named = (): string | undefined => {
    const stat = fs.stat(parent, name);
    return stat && identityOf(stat);
  };
  return {
    dir,
    identity,
    exposed,
    isGone: () => named() !== identity,
    remove(empty) {
      ignoringGone(() => empty(dir));
      const now = named();
      if (now === undefined) return undefined;
      if (now !== identity) return 'was put in the place of a directory that was made there';
      // Somebody may still exchange it: in a directory where he could remove an empty directory himself.
      const removed = ignoring(() => fs.rmdir(parent, name), 'ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR');
      return removed || named() === undefined ? undefined : 'holds something that was not made there';
    },
    close: () => fs.closeDir(dir),
  };
}

/** One that could be made but not looked at. Nothing but an empty directory can go by this, and none of others. */
function removeUnused(parent: DirHandle, name: Bytes, fs: FsPort): void {
  const made = fs.stat(parent, name);
  if (made?.type !== 'directory' || made.uid !== fs.uid) return;
  ignoring(() => fs.rmdir(parent, name), 'ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EPERM', 'EACCES');
}

/** Who could exchange a directory in `around`, or undefined when only root and we could. An ACL shows in the group's bits (acl(5)). */
function whoMayRename(around: Stat, own: Stat, uid: number): string | undefined {
  if (around.uid !== uid && around.uid !== 0)
    return `the directory that it lies in belongs to another user (${around.uid})`;
  if ((around.mode & 0o022) === 0) return undefined;
  // Sticky: only the owner of an entry renames it.
  return (around.mode & 0o1000) !== 0 && own.uid === uid ? undefined : 'others may rename what lies beside it';
}

/** Only what we made has our owner and mode; a file system that has neither is believed where nobody else can rename. */
function whyReachable(own: Stat, uid: number): string | undefined {
  if (own.uid !== uid) return `the directory that was made belongs to another user (${own.uid})`;
  if ((own.mode & 0o777) !== 0o700) return `the directory that was made has mode ${(own.mode & 0o777).toString(8)}`;
  return undefined;
}

function whyWritable(own: Stat, uid: number): string | undefined {
  if (own.uid !== uid && own.uid !== 0) return `what is made there belongs to another user (${own.uid})`;
  return (own.mode & 0o022) === 0 ? undefined : 'others may write to what is made there';
}

function identityOf({ dev, ino }: Stat): string {
  return `${dev}:${ino}`;
}

function existing(stat: Stat | undefined, name: Bytes): Stat {
  if (stat === undefined) throw new SyscallError('ENOENT', 'statx', [name]);
  return stat;
}
