import { readdirSync, readFileSync } from 'node:fs';

/** Where a thread of a process is. */
export interface ThreadState {
  /** One letter, see proc(5); `?` where /proc does not tell. */
  readonly state: string;
  /** The kernel's function that it sleeps in, where /proc tells (root, CONFIG_KALLSYMS). */
  readonly wchan?: string;
}

/** Of the first thread, Node's main one. None of this asks the file system that it waits for. */
export function threadState(pid: number | undefined): ThreadState {
  return stateOf(pid, pid);
}

/** Of the thread that keeps a killed process from being gone. The first may have ended before it, and shows as a zombie. */
export function lastingThreadState(pid: number): ThreadState {
  const all = threadsOf(pid).map((thread) => stateOf(pid, thread));
  return all.find(({ state }) => state === 'D') ?? all.find(({ state }) => !GONE.includes(state)) ?? threadState(pid);
}

const GONE = ['Z', 'X', '?'];

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

function stateOf(pid: number | undefined, thread: number | undefined): ThreadState {
  const stat = readProc(pid, thread, 'stat');
  // The command's name stands before it in brackets, and may have brackets itself.
  const state = stat?.at(stat.lastIndexOf(')') + 2) ?? '?';
  const wchan = readProc(pid, thread, 'wchan');
  return { state, ...(wchan !== undefined && wchan !== '' && wchan !== '0' && { wchan }) };
}

function readProc(pid: number | undefined, thread: number | undefined, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/${name}`, 'latin1');
  } catch {
    return undefined;
  }
}
