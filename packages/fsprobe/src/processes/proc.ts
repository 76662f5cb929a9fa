import {
  AT_EMPTY_PATH,
  ascii,
  type Bytes,
  close,
  fstatfs,
  getdents64,
  isErrno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_RDONLY,
  open,
  openat,
  readlinkat,
  STATX_MNT_ID,
  statx,
} from '@emplace/syscalls';
import { readWhole } from './read.ts';

/** statfs(2) of procfs, from linux/magic.h. */
const PROC_SUPER_MAGIC = 0x9fa0;
const CAP_SYS_PTRACE = 19n;
const ITSELF = ascii('');

/** There is no /proc to learn about processes from. */
export class ProcUnavailableError extends Error {
  override readonly name = 'ProcUnavailableError';
  readonly code = 'PROC_UNAVAILABLE';
  /** `not-mounted`: no procfs at /proc. `foreign`: one of another PID namespace, where our numbers name other processes. */
  readonly reason: 'not-mounted' | 'foreign';

  constructor(reason: 'not-mounted' | 'foreign', options?: ErrorOptions) {
    super(reason === 'foreign' ? '`/proc` is that of another PID namespace' : '`/proc` is not mounted', options);
    this.reason = reason;
  }
}

/** An open /proc whose process numbers are ours. */
export interface Proc extends Disposable {
  readonly fd: number;
  /** Mounted so that processes of others are not even listed (`hidepid=invisible`, `ptraceable`; proc(5)), and that holds for us. */
  readonly hidesProcesses: boolean;
}

/** @throws ProcUnavailableError */
export function openProc(): Proc {
  const fd = openDirectory();
  try {
    if (fstatfs(fd).type !== PROC_SUPER_MAGIC) throw new ProcUnavailableError('not-mounted');
    if (ownPid(fd) !== process.pid) throw new ProcUnavailableError('foreign');
    return { fd, hidesProcesses: hidesProcesses(fd), [Symbol.dispose]: () => close(fd) };
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** All processes that are listed, in no particular order; threads are not. */
export function listPids({ fd }: Proc): number[] {
  return listNumbers(fd, ascii('.'));
}

/** The names in a directory of /proc that are decimal numbers. @throws SyscallError */
export function listNumbers(at: number, name: Bytes): number[] {
  return listNames(at, name)
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** All names in a directory of /proc. @throws SyscallError */
export function listNames(at: number, name: Bytes): Bytes[] {
  const names: Bytes[] = [];
  visitNames(at, name, (entry) => void names.push(entry));
  return names;
}

/** Hands each name in a directory of /proc to `visit`, with the open directory. That must not list another. @throws SyscallError */
export function visitNames(at: number, name: Bytes, visit: (entry: Bytes, dir: number) => void): void {
  const dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  try {
    while (getdents64(dir, (entry) => visit(entry, dir)));
  } finally {
    close(dir);
  }
}

function openDirectory(): number {
  try {
    return open(ascii('/proc'), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  } catch (cause) {
    throw new ProcUnavailableError('not-mounted', { cause });
  }
}

/** What `self` leads to; undefined where this process has no number in the /proc that is mounted. */
function ownPid(fd: number): number | undefined {
  try {
    return Number(readlinkat(fd, ascii('self')));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Not asked: the mount's `gid=`. Members of that group see all, and are told that they may not. */
function hidesProcesses(fd: number): boolean {
  const { mountId } = statx(fd, ITSELF, AT_EMPTY_PATH, STATX_MNT_ID);
  const mount = readWhole(fd, ascii('self/mountinfo'))
    .split('\n')
    .find((line) => line.startsWith(`${mountId} `));
  const hidden = mount === undefined || /[ ,]hidepid=(?:invisible|ptraceable|2|4)(?:,|$)/.test(mount);
  return hidden && !mayTrace(fd);
}

/** CAP_SYS_PTRACE is what the kernel asks for (fs/proc/base.c, has_pid_permissions). */
function mayTrace(fd: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readWhole(fd, ascii('self/status')))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_SYS_PTRACE) & 1n) === 1n;
}
