import { type DirHandle, type FsPort, restoreTime, type Stat, type Timestamp } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import { explain, MergeError, quoted } from './errors.ts';
import { statDirectory } from './plan/survey.ts';

/**
 * Where a merge keeps its lock and journal: in the root itself, so that a disk that is mounted elsewhere after a
 * crash brings them along. It is there while a merge runs or waits to be recovered, and gone otherwise.
 */
export const STATE_DIRECTORY: Bytes = ascii('.emplace');

/**
 * Makes or opens the state directory; undefined when it was there and went before it was opened, as another merge ended.
 * @param before the time of the root, which it has again when this fails
 * @throws MergeError STATE_UNSAFE, PERMISSION, READ_ONLY, NO_SPACE, NO_INODES
 */
export function openState(root: DirHandle, before: Timestamp, fs: FsPort): DirHandle | undefined {
  let made = false;
  try {
    fs.mkdir(root, STATE_DIRECTORY, 0o700);
    made = true;
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw explain(error, refusalOf(error), 'cannot make the state directory');
  }
  try {
    return findState(root, fs);
  } catch (error) {
    if (made) takeBack(root, before, fs);
    throw error;
  }
}

/** Takes back the state directory that was just made, as long as nobody put something there. */
function takeBack(root: DirHandle, before: Timestamp, fs: FsPort): void {
  try {
    fs.rmdir(root, STATE_DIRECTORY);
    restoreTime(root, before, fs);
  } catch (error) {
    if (!isErrno(error)) throw error;
  }
}

/** The state directory when there is one, else undefined. @throws MergeError STATE_UNSAFE */
export function findState(root: DirHandle, fs: FsPort): DirHandle | undefined {
  let dir: DirHandle;
  try {
    dir = fs.openDir(root, STATE_DIRECTORY);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw explain(error, 'STATE_UNSAFE', `${quoted(STATE_DIRECTORY)} in the root cannot be opened`);
  }
  let stat: Stat;
  try {
    stat = statDirectory(dir, fs);
  } catch (error) {
    fs.closeDir(dir);
    throw explain(error, 'STATE_UNSAFE', `${quoted(STATE_DIRECTORY)} in the root cannot be looked at`);
  }
  // Who may write here decides what root will rename and remove: a journal in it is believed. That others may look (a
  // file system without modes shows all to all) tells them no more than the root itself.
  if (stat.uid === fs.uid && (stat.mode & 0o022) === 0) return dir;
  fs.closeDir(dir);
  throw new MergeError(
    'STATE_UNSAFE',
    `${quoted(STATE_DIRECTORY)} in the root belongs to somebody else or can be written by others`,
  );
}

function refusalOf(error: unknown): 'READ_ONLY' | 'NO_SPACE' | 'PERMISSION' | 'IMMUTABLE' {
  if (isErrno(error, 'EROFS')) return 'READ_ONLY';
  if (isErrno(error, 'ENOSPC', 'EDQUOT')) return 'NO_SPACE';
  if (isErrno(error, 'EPERM')) return 'IMMUTABLE';
  return 'PERMISSION';
}
