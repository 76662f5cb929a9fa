import { readFileSync } from 'node:fs';
import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno, show, toBytes } from '@emplace/syscalls';
import { readWhole } from './fs/whole-file.ts';

const OWNER: Bytes = ascii('owner');

/** Who holds the lock, for people: pids are reused, so start time and boot id tell whether it still is that process. */
interface Owner {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks after boot. */
  readonly startTime: string;
  readonly bootId: string;
  readonly command: string;
  /** Whom it works for, and who may be gone while it is stuck. */
  readonly supervisor?: Caller;
  /** ISO 8601. */
  readonly since: string;
}

/** A process as a person knows it. */
export interface Caller {
  readonly pid: number;
  readonly command: string;
}

/** This process. */
export function describeSelf(): Caller {
  return { pid: process.pid, command: process.argv.slice(0, 4).join(' ') };
}

/** Writes down that this process holds the lock. @throws SyscallError */
export function writeOwner(state: DirHandle, supervisor: Caller | undefined, fs: FsPort): void {
  removeOwner(state, fs);
  const owner: Owner = {
    ...describeSelf(),
    // The command name before it may hold spaces and parentheses: count from the last `)`.
    startTime: readOr('/proc/self/stat').split(')').at(-1)?.split(' ')[20] ?? '',
    bootId: readOr('/proc/sys/kernel/random/boot_id').trim(),
    ...(supervisor && { supervisor }),
    since: new Date().toISOString(),
  };
  const file = fs.createFile(state, OWNER, 0o600);
  try {
    fs.write(file, Buffer.from(JSON.stringify(owner)));
  } finally {
    fs.closeFile(file);
  }
}

/** The owner as a person reads it; undefined when nothing sensible stands there. */
export function readOwner(state: DirHandle, fs: FsPort): string | undefined {
  try {
    const file = fs.openFile(state, OWNER);
    try {
      return describeOwner(readWhole(file, fs).toString('utf8'));
    } finally {
      fs.closeFile(file);
    }
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

export function removeOwner(state: DirHandle, fs: FsPort): void {
  try {
    fs.unlink(state, OWNER);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

function describeOwner(text: string): string | undefined {
  try {
    const { supervisor, since, ...holder } = JSON.parse(text) as Partial<Owner>;
    if (typeof holder.pid !== 'number') return undefined;
    const caller = typeof supervisor?.pid === 'number' ? `, for ${describe(supervisor)},` : '';
    return `${describe(holder)}${caller} since ${quoted(since)}`;
  } catch {
    // Torn or empty: the holder is just writing it, or was killed while it did. Nothing depends on it.
    return undefined;
  }
}

function describe({ pid, command }: Partial<Caller>): string {
  return `process ${pid} (${quoted(command)})`;
}

/** A hostile command line can neither end the quotation nor do anything to a terminal. */
function quoted(text: unknown): string {
  return show(toBytes(JSON.stringify(String(text))));
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // No /proc: the owner file says less, the lock is the same.
    return '';
  }
}
