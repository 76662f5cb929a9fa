import { readdirSync, readFileSync } from 'node:fs';
import {
  isErrno,
  prlimit,
  RLIMIT_AS,
  RLIMIT_CORE,
  RLIMIT_CPU,
  RLIMIT_FSIZE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
} from '@emplace/syscalls';
import { SpawnError } from './spawn-error.ts';

/** What a program and all that it starts may use: see getrlimit(2). */
export interface Rlimits {
  /** Of processor time, for each process. */
  readonly cpuSeconds?: number;
  /** Size of a file that is written. */
  readonly fileBytes?: number;
  readonly coreBytes?: number;
  /** Of the same user, whoever started them. Root is not limited. */
  readonly processes?: number;
  readonly openFiles?: number;
  /** Address space of each process. */
  readonly memoryBytes?: number;
}

const RESOURCES: Readonly<Record<keyof Rlimits, number>> = {
  cpuSeconds: RLIMIT_CPU,
  fileBytes: RLIMIT_FSIZE,
  coreBytes: RLIMIT_CORE,
  processes: RLIMIT_NPROC,
  openFiles: RLIMIT_NOFILE,
  memoryBytes: RLIMIT_AS,
};

/**
 * Limits a process that has just been started, and what it has started since, soft and hard. Limits are lowered, never
 * raised above this process's own.
 *
 * Set from here, for every other way costs more: Node has no hook before exec; to limit ourselves for the moment of
 * the fork would hit our own threads (and kill us by SIGXCPU); a `prlimit` or `ulimit` command in between makes spawn
 * errors exit codes. Not guaranteed, therefore: that it is limited in its first milliseconds; that a child is whose
 * parent has ended within them; where the kernel has no /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN), any.
 * @throws SpawnError EPERM for a program that runs as another user now
 */
export function limit(pid: number, limits: Rlimits): void {
  const wanted = Object.entries(RESOURCES).flatMap(([name, resource]) => {
    const asked = limits[name as keyof Rlimits];
    return asked === undefined ? [] : [{ name, resource, value: Math.min(asked, prlimit(0, resource).hard) }];
  });
  const limited = new Set<number>();
  const pending = [pid];
  // Whoever is limited has limited children from then on, so only those that are there already need it.
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (limited.has(next)) continue;
    for (const one of wanted) set(next, one);
    limited.add(next);
    pending.push(...childrenOf(next));
  }
}

function set(pid: number, { name, resource, value }: { name: string; resource: number; value: number }): void {
  try {
    prlimit(pid, resource, { soft: value, hard: value });
  } catch (cause) {
    if (!isErrno(cause)) throw cause;
    // It has ended.
    if (cause.code === 'ESRCH') return;
    throw new SpawnError(cause.code, 'system', undefined, `the limit ${name} could not be set`, { cause });
  }
}

/** Nothing when it has ended meanwhile. */
function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const lists = threads.map((tid) => readFileSync(`/proc/${pid}/task/${tid}/children`, 'latin1'));
    return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  } catch {
    return [];
  }
}
