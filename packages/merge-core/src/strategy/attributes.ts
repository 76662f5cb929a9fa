import type { FileHandle, FsPort, Xattrs } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Attributes } from '../plan/model.ts';
import type { Born } from './birthplace.ts';

/**
 * Extended attributes that belong to a file system or to the host's security policy, not to a package: they
 * are neither copied nor compared (as Portage and rsync do, by and large).
 */
const local =
  /^(?:btrfs\.|bcachefs\.|bcachefs_effective\.|security\.(?:selinux|evm|SMACK64)|system\.nfs4_acl$|trusted\.(?:overlay|SGI_)|user\.overlay\.)/;

/** The extended attributes that travel with an entry. */
export function portable(xattrs: Xattrs): Xattrs {
  if (xattrs.size === 0) return xattrs;
  return new Map([...xattrs].filter(([key]) => !local.test(key)));
}

/**
 * Owner, mode, xattrs, times, in the only order that works: chown clears setuid and capabilities, chmod rewrites
 * an ACL's mask, and all of them are writes for a time stamp.
 *
 * @param has what a new file is known to have
 */
export function applyAttributes(
  to: FileHandle,
  wanted: Attributes & { readonly type?: string },
  fs: FsPort,
  has?: Born,
): void {
  if (has?.uid !== wanted.uid || has.gid !== wanted.gid) fs.chown(to, wanted.uid, wanted.gid);
  if (wanted.type !== 'symlink') fs.chmod(to, wanted.mode);
  if (wanted.xattrs.size > 0 || has?.bare !== true) setXattrs(to, wanted.xattrs, fs);
  fs.setTimes(to, wanted.mtime);
}

/** Makes the portable xattrs of `to` exactly these: a directory with a default ACL hands one to all that is made in it. */
function setXattrs(to: FileHandle, wanted: Xattrs, fs: FsPort): void {
  const has = portable(fs.xattrs(to));
  for (const key of has.keys()) if (!wanted.has(key)) fs.removeXattr(to, key);
  for (const [key, value] of wanted) if (!has.get(key)?.equals(value)) fs.setXattr(to, key, value);
}

/** @param ignored keys that do not count */
export function sameXattrs(a: Xattrs, b: Xattrs, ignored: (key: Bytes) => boolean): boolean {
  const counted = (all: Xattrs): Xattrs =>
    all.size === 0 ? all : new Map([...portable(all)].filter(([key]) => !ignored(key)));
  const left = counted(a);
  const right = counted(b);
  return (
    left.size === right.size &&
    [...left].every(([key, value]: [Bytes, Buffer]) => right.get(key)?.equals(value) ?? false)
  );
}
