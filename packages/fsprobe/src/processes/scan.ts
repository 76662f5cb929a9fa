import { AT_SYMLINK_NOFOLLOW, ascii, type Bytes, isErrno, STATX_MODE, tryStatx } from '@emplace/syscalls';
import { listPids, openProc, type Proc, visitNames } from './proc.ts';
import { openLeader, openProcess, type ProcessDirectory, readState } from './process.ts';
import { attempt, type Identity, isUnread, statThrough, type Unread } from './read.ts';

/** By what a process holds a file: it runs it, has it mapped, or has it open. */
export type How = 'exe' | 'mapped' | 'open';

/** One file that a process holds. Good only until the visit ends, `file` only until `isWritten` is asked. */
export interface Sighting {
  readonly process: ProcessDirectory;
  readonly how: How;
  readonly file: Identity;
  /** Whether it was opened for writing: what makes exec fail with ETXTBSY. */
  isWritten(): boolean;
}

/** What a scan could not see. Whoever finds nothing has to say this too. */
export interface Unseen {
  /** Processes of which not everything could be read. */
  readonly unread: number;
  /** There may be processes that are not even listed. */
  readonly hidden: boolean;
}

const EXE = ascii('exe');
const MAP_FILES = ascii('map_files');
const FD = ascii('fd');
const WRITE_BIT = 0o200;
const ABSENT: Unread = { unread: 'ENOENT' };

type Visit = (seen: Sighting) => void;

/**
 * Shows `visit` every file that any process runs, has mapped or open, itself included. Read by stat through magic links;
 * no path text is looked at. What starts or ends meanwhile may be missed.
 * @throws ProcUnavailableError
 */
export function scanHeld(visit: Visit): Unseen {
  using proc = openProc();
  let unread = 0;
  for (const pid of listPids(proc)) if (!scanProcess(proc, pid, visit)) unread++;
  return { unread, hidden: proc.hidesProcesses };
}

/** @returns whether all of it could be read; a process that is gone has nothing left to read. */
function scanProcess(proc: Proc, pid: number, visit: Visit): boolean {
  try {
    using leader = openLeader(proc, pid);
    if (look(leader, 'exe', leader.fd, EXE, visit) === 'seen') return scanFiles(leader, visit);
    // Refused; or a kernel thread, a zombie, a process whose first thread has ended: only the last has more to show.
    using process = openProcess(proc, pid);
    const state = readState(process.fd);
    if (isUnread(state)) return isGone(state);
    if (state.kernelThread || state.state === 'Z') return true;
    const exe = look(process, 'exe', process.fd, EXE, visit);
    return scanFiles(process, visit) && exe !== 'refused';
  } catch (error) {
    if (isErrno(error)) return isGone({ unread: error.code });
    throw error;
  }
}

function scanFiles(process: ProcessDirectory, visit: Visit): boolean {
  const mapped = lookAll(process, 'mapped', MAP_FILES, visit);
  return lookAll(process, 'open', FD, visit) && mapped;
}

/** @returns whether nothing was refused */
function lookAll(process: ProcessDirectory, how: How, directory: Bytes, visit: Visit): boolean {
  let complete = true;
  // Each is looked up where it was listed: half the way for the kernel to walk, thousands of times.
  const listed = attempt(() =>
    visitNames(process.fd, directory, (name, at) => {
      complete = look(process, how, at, name, visit) !== 'refused' && complete;
    }),
  );
  return complete && (!isUnread(listed) || isGone(listed));
}

/** `absent`: not there, or not any more. */
function look(
  process: ProcessDirectory,
  how: How,
  at: number,
  name: Bytes,
  visit: Visit,
): 'seen' | 'absent' | 'refused' {
  const found = attempt(() => statThrough(at, name) ?? ABSENT);
  if ('unread' in found) return isGone(found) ? 'absent' : 'refused';
  visit({ process, how, file: found, isWritten: () => isWritten(at, name) });
  return 'seen';
}

/** The links of fd and map_files have the modes that the file was opened with (fs/proc/fd.c, tid_fd_update_inode). */
function isWritten(at: number, name: Bytes): boolean {
  const link = tryStatx(at, name, AT_SYMLINK_NOFOLLOW, STATX_MODE);
  return link !== undefined && (link.mode & WRITE_BIT) !== 0;
}

function isGone({ unread }: Unread): boolean {
  return unread === 'ENOENT' || unread === 'ESRCH';
}
