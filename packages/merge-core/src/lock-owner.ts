import { readFileSync } from 'node:fs';
import type { DirHandle, FileHandle, FsPort, Stat, Timestamp } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import { quotedText } from './errors.ts';
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
  /** Of the root, before the state directory was made in it. */
  readonly rootTime: Timestamp;
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

/** Writes down that this process holds the lock, and what the root's time was. @throws SyscallError */
export function writeOwner(state: DirHandle, supervisor: Caller | undefined, rootTime: Timestamp, fs: FsPort): void {
  const owner: Owner = {
    ...describeSelf(),
    // The command name before it may hold spaces and parentheses: count from the last `)`.
    startTime: readOr('/proc/self/stat').split(')').at(-1)?.split(' ')[20] ?? '',
    bootId: readOr('/proc/sys/kernel/random/boot_id').trim(),
    ...(supervisor && { supervisor }),
    since: new Date().toISOString(),
    rootTime,
  };
  const file = createAnew(state, fs);
  try {
    fs.write(file, Buffer.from(JSON.stringify(owner)));
  } finally {
    fs.closeFile(file);
  }
}

function createAnew(state: DirHandle, fs: FsPort): FileHandle {
  try {
    return fs.createFile(state, OWNER, 0o600);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    removeOwner(state, fs);
    return fs.createFile(state, OWNER, 0o600);
  }
}

/** The owner as a person reads it; undefined when nothing sensible stands there. */
export function readOwner(state: DirHandle, fs: FsPort): string | undefined {
  return read(state, fs, describeOwner);
}

/**
 * What the time of the root was before a holder that was killed made the state directory, and when that was written down:
 * who changed the root later has made it another time. undefined when no holder left that.
 */
export function timeLeft(state: DirHandle, fs: FsPort): { was: Timestamp; written: Timestamp } | undefined {
  return read(state, fs, (text, { mtime }) => {
    const was = parsed(text)?.rootTime;
    const isTime = Number.isSafeInteger(was?.sec) && Number.isSafeInteger(was?.nsec);
    return was === undefined || !isTime ? undefined : { was, written: mtime };
  });
}

function read<T>(state: DirHandle, fs: FsPort, take: (text: string, stat: Stat) => T): T | undefined {
  try {
    const file = fs.openFile(state, OWNER);
    try {
      return take(readWhole(file, fs).toString('utf8'), fs.statHandle(file));
    } finally {
      fs.closeFile(file);
    }
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

/** undefined: torn or empty. The holder is just writing it, or was killed while it did. */
function parsed(text: string): Partial<Owner> | undefined {
  try {
    return Object(JSON.parse(text)) as Partial<Owner>;
  } catch {
    return undefined;
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
  const { supervisor, since, ...holder } = parsed(text) ?? {};
  if (typeof holder.pid !== 'number') return undefined;
  const caller = typeof supervisor?.pid === 'number' ? `, for ${describe(supervisor)},` : '';
  return `${describe(holder)}${caller} since ${quotedText(since)}`;
}

function describe({ pid, command }: Partial<Caller>): string {
  return `process ${pid} (${quotedText(command)})`;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // No /proc: the owner file says less, the lock is the same.
    return '';
  }
}
