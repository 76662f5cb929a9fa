import { readFileSync } from 'node:fs';

/** Where the first thread of a process is: Node's main thread. */
export interface ThreadState {
  /** One letter, see proc(5); `?` where /proc does not tell. */
  readonly state: string;
  /** The kernel's function that it sleeps in, where /proc tells (root, CONFIG_KALLSYMS). */
  readonly wchan?: string;
}

/** None of this asks the file system that the thread waits for. */
export function threadState(pid: number | undefined): ThreadState {
  const stat = readProc(pid, 'stat');
  // The command's name stands before it in brackets, and may have brackets itself.
  const state = stat?.at(stat.lastIndexOf(')') + 2) ?? '?';
  const wchan = readProc(pid, 'wchan');
  return { state, ...(wchan !== undefined && wchan !== '' && wchan !== '0' && { wchan }) };
}

function readProc(pid: number | undefined, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/${name}`, 'latin1');
  } catch {
    return undefined;
  }
}
