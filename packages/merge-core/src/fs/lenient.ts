import type { FsPort } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import type { Losable } from '../plan/carry.ts';

/** errnos by which a file system says that it has no such thing, or a kernel that this process may not set it. */
const refusals = ['EPERM', 'EACCES', 'EINVAL', 'EOPNOTSUPP', 'ENOSYS'];

/** The same port, whose refusals to set what may be lost are no failures. */
export function lenient(fs: FsPort, lossy: readonly Losable[]): FsPort {
  if (lossy.length === 0) return fs;
  const may = (what: Losable, act: () => void): void => {
    try {
      act();
    } catch (error) {
      if (!lossy.includes(what) || !isErrno(error, ...refusals)) throw error;
    }
  };
  // Everything else is the port's own, found through the prototype.
  const calls: Partial<FsPort> = {
    chown: (...args) => may('owner', () => fs.chown(...args)),
    chmod: (...args) => may('mode', () => fs.chmod(...args)),
    setXattr: (...args) => may('xattr', () => fs.setXattr(...args)),
    setTimes: (...args) => may('time', () => fs.setTimes(...args)),
  };
  return Object.assign(Object.create(fs) as FsPort, calls);
}
