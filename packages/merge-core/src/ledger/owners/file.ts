import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { readSized } from '../read-below.ts';
import { decode, encode } from './format.ts';
import type { Tables } from './tables.ts';

const BYTES_MAX = 2 ** 30;
const ALL_MAY_READ = 0o644;

/**
 * The tables that a file holds; undefined when there is none, or none to be believed: damaged, or written by somebody
 * who is neither root nor this user, or open for others to write.
 */
export function load(dir: DirHandle, name: Bytes, fs: FsPort): Tables | undefined {
  try {
    const file = fs.openFile(dir, name);
    try {
      const { type, uid, mode, size } = fs.statHandle(file);
      const believed = type === 'file' && (uid === 0 || uid === fs.uid) && (mode & 0o022) === 0 && size <= BYTES_MAX;
      return believed ? decode(readSized(file, size, fs)) : undefined;
    } finally {
      fs.closeFile(file);
    }
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

/**
 * Writes them beside the old ones and puts them in their place. Not synced: after a power cut the checksum tells.
 * @throws SyscallError EACCES, EROFS, ENOSPC …: nothing of it is left then
 */
export function save(tables: Tables, dir: DirHandle, name: Bytes, fs: FsPort): void {
  const fresh = `${name}.new` as Bytes;
  // Of a writer that was killed. If one is at it, its file loses the name, and one of both goes without.
  removeIfThere(dir, fresh, fs);
  const file = fs.createFile(dir, fresh, ALL_MAY_READ);
  try {
    for (const part of encode(tables)) if (part.length > 0) fs.write(file, part);
    if (fs.stat(dir, fresh)?.ino === fs.statHandle(file).ino) fs.rename(dir, fresh, dir, name);
  } catch (error) {
    removeIfThere(dir, fresh, fs);
    throw error;
  } finally {
    fs.closeFile(file);
  }
}

function removeIfThere(dir: DirHandle, name: Bytes, fs: FsPort): void {
  try {
    fs.unlink(dir, name);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
