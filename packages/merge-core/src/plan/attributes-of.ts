import type { DirHandle, FsPort } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { portable } from '../strategy/attributes.ts';
import type { Attributes } from './model.ts';

/** Owner, mode, time and portable xattrs of an entry, itself. `''` is the directory. */
export function readAttributes(dir: DirHandle, name: Bytes, fs: FsPort): Attributes {
  const pinned = fs.pin(dir, name);
  try {
    const { uid, gid, mode, mtime } = fs.statHandle(pinned);
    return { uid, gid, mode, mtime, xattrs: portable(fs.xattrs(pinned)) };
  } finally {
    fs.closeFile(pinned);
  }
}
