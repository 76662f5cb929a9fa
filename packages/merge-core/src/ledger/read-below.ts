import type { FileHandle, FsPort } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { type Problem, quoted } from '../errors.ts';
import { readWhole } from '../fs/whole-file.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { splitPath } from '../paths.ts';

/** A regular file below the root, whole, reached without following a symlink; undefined when there is none. */
export function readBelow(
  fs: FsPort,
  root: OpenDirectories,
  path: Bytes,
  bytesMax: number,
): Buffer | Problem | undefined {
  const { parent, name } = splitPath(path);
  const wrong = (what: string): Problem => damaged(path, `${quoted(path)} ${what}`);
  try {
    const file = fs.openFile(root.at(parent), name);
    try {
      const { type, size } = fs.statHandle(file);
      if (type !== 'file') return wrong('is no regular file');
      return size > bytesMax ? wrong(`has ${size} bytes: nothing of Portage's is as long`) : readSized(file, size, fs);
    } finally {
      fs.closeFile(file);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    if (isErrno(error)) return wrong(`cannot be read (${error.code})`);
    throw error;
  }
}

/** As readWhole, for a file whose size is mostly known: thousands of small ones cost no large buffer each. */
export function readSized(file: FileHandle, size: number, fs: Pick<FsPort, 'read'>): Buffer {
  const content = Buffer.from(new ArrayBuffer(size + 1));
  for (let at = 0; at < content.length; ) {
    const count = fs.read(file, content.subarray(at));
    if (count === 0) return content.subarray(0, at);
    at += count;
  }
  // It grew since its size was asked for.
  return Buffer.concat([content, readWhole(file, fs)]);
}

/** Something in the package database, or beside it, is not as Portage or Emplace writes it. */
export function damaged(path: Bytes, message: string): Problem {
  return { code: 'VDB_DAMAGED', path, message };
}
