import { ascii } from '@emplace/syscalls';
import { openProc } from '../processes/proc.ts';
import { readWhole } from '../processes/read.ts';
import { type Mountinfo, parseMountinfo } from './mountinfo.ts';

/** The list of mounts cannot be had. `cause` is a ProcUnavailableError (no /proc) or the SyscallError that reading met. */
export class MountsUnreadableError extends Error {
  override readonly name = 'MountsUnreadableError';
  readonly code = 'MOUNTS_UNREADABLE';

  constructor(pid: number | 'self', cause: unknown) {
    const whose = pid === 'self' ? 'this process' : `process ${pid}`;
    super(`the mounts of ${whose} cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/**
 * The mounts that a process sees, from its root directory.
 * Not guaranteed: that they are of one moment. The kernel hands out a long list page by page, and what is mounted or
 * unmounted in between may be there or not.
 * @throws MountsUnreadableError
 */
export function readMounts(pid: number | 'self'): Mountinfo {
  try {
    using proc = openProc();
    return parseMountinfo(readWhole(proc.fd, ascii(`${pid}/mountinfo`)));
  } catch (error) {
    throw new MountsUnreadableError(pid, error);
  }
}
