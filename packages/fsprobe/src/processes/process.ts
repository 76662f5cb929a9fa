import { ascii, type Bytes, close, isErrno, O_CLOEXEC, O_DIRECTORY, O_PATH, openat } from '@emplace/syscalls';
import { listNames, listNumbers, type Proc } from './proc.ts';
import { attempt, isUnread, type Link, readLink, readWhole, type Unread } from './read.ts';

/** PF_KTHREAD of include/linux/sched.h, in field 9 of stat. */
const KERNEL_THREAD = 0x00200000;
/** USER_HZ, the unit of times in stat: 100 on all architectures that we run on (asm-generic/param.h). */
const TICKS_PER_SECOND = 100;

/** The directory of one process. Once that is gone it answers ESRCH or ENOENT, never for a later process of its number. */
export interface ProcessDirectory extends Disposable {
  readonly pid: number;
  readonly fd: number;
}

/** From /proc/PID/stat. */
export interface ProcessState {
  /** Up to 15 bytes, chosen by the process: any bytes but NUL. */
  readonly command: Bytes;
  /** One letter, `Z` for a zombie; see proc_pid_stat(5). */
  readonly state: string;
  readonly kernelThread: boolean;
  readonly parent: number;
  readonly threads: number;
  /** When it started, in seconds after the machine did; the hundredths are cut. */
  readonly startedAfterBoot: number;
}

/**
 * Opens what /proc tells of a process. Where its first thread has ended and others run on, that first one has neither
 * exe nor mappings, so one of the others is opened: `/proc/TID` is there for every thread, though not listed.
 * @throws SyscallError ENOENT, ESRCH when it is gone; EPERM with hidepid=noaccess
 */
export function openProcess(proc: Proc, pid: number): ProcessDirectory {
  const leader = openThread(proc, pid, pid);
  const state = readState(leader.fd);
  if (isUnread(state) || state.state !== 'Z' || state.threads < 2) return leader;
  const running = openRunningThread(proc, leader);
  if (running === undefined) return leader;
  leader[Symbol.dispose]();
  return running;
}

/** The thread that started a process, running or not: one call less than {@link openProcess}. @throws SyscallError */
export function openLeader(proc: Proc, pid: number): ProcessDirectory {
  return openThread(proc, pid, pid);
}

export function readState(processFd: number): ProcessState | Unread {
  return attempt(() => parseState(readWhole(processFd, ascii('stat'))));
}

/** The command may hold `) R 1`, so what follows starts after the last parenthesis. */
export function parseState(text: Bytes): ProcessState {
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return {
    command: text.slice(text.indexOf('(') + 1, end) as Bytes,
    state: fields[0] ?? '',
    kernelThread: (Number(fields[6]) & KERNEL_THREAD) !== 0,
    parent: Number(fields[1]),
    threads: Number(fields[17]),
    startedAfterBoot: Number(fields[19]) / TICKS_PER_SECOND,
  };
}

/** The program that a process runs. ENOENT for kernel threads and zombies: those have none. */
export function readExe({ fd }: ProcessDirectory): Link {
  return readLink(fd, ascii('exe'));
}

/** Every open descriptor by its number. ENOENT for one that was closed meanwhile is left out. */
export function readDescriptors(process: ProcessDirectory): ReadonlyMap<number, Link> | Unread {
  return attempt(() => {
    const links = new Map<number, Link>();
    for (const name of listNames(process.fd, ascii('fd'))) {
      const link = readLink(process.fd, `fd/${name}` as Bytes);
      if (!(isUnread(link.file) && link.file.unread === 'ENOENT')) links.set(Number(name), link);
    }
    return links;
  });
}

function openThread(proc: Proc, pid: number, tid: number): ProcessDirectory {
  const fd = openat(proc.fd, ascii(String(tid)), O_PATH | O_DIRECTORY | O_CLOEXEC);
  return { pid, fd, [Symbol.dispose]: () => close(fd) };
}

function openRunningThread(proc: Proc, { pid, fd }: ProcessDirectory): ProcessDirectory | undefined {
  const tids = attempt(() => listNumbers(fd, ascii('task')));
  if (isUnread(tids)) return undefined;
  for (const tid of tids) {
    try {
      const thread = openThread(proc, pid, tid);
      const state = readState(thread.fd);
      if (!isUnread(state) && state.state !== 'Z' && state.state !== 'X') return thread;
      thread[Symbol.dispose]();
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ESRCH')) throw error;
    }
  }
  return undefined;
}
