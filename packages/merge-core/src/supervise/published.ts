import type { FsPort } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { checkTree } from '../answering.ts';
import type { Slot } from './page.ts';

type CallName = Exclude<keyof FsPort, 'uid' | 'gids' | 'pathOf'>;

/** What is no call of the port, made of many, and stands on the page all the same: see answering.ts. */
const CHECK = 'checkTree';

/** How long a call may take: `names` change a directory, `data` is read or written, `sync` waits for a disk. */
export type CallKind = 'names' | 'data' | 'sync';

/** Every call that the mover makes, in the order of their numbers on the page (from 1), and how it may be waited for. */
const calls: Readonly<Record<CallName | typeof CHECK, CallKind>> = {
  openRoot: 'names',
  openDir: 'names',
  closeDir: 'names',
  list: 'names',
  stat: 'names',
  statHandle: 'names',
  readlink: 'names',
  rename: 'names',
  renameNew: 'names',
  exchange: 'names',
  link: 'names',
  unlink: 'names',
  rmdir: 'names',
  mkdir: 'names',
  symlink: 'names',
  mknod: 'names',
  openFile: 'names',
  openWritable: 'names',
  createFile: 'names',
  createUnnamed: 'names',
  pin: 'names',
  closeFile: 'data',
  read: 'data',
  write: 'data',
  nextData: 'data',
  copyRange: 'data',
  clone: 'data',
  truncate: 'data',
  chown: 'names',
  chmod: 'names',
  setTimes: 'names',
  xattrs: 'names',
  setXattr: 'names',
  removeXattr: 'names',
  fsync: 'sync',
  fsyncDir: 'sync',
  syncfs: 'sync',
  space: 'names',
  tryFlock: 'names',
  tryRecordLock: 'names',
  recordLockHolder: 'names',
  pathShown: 'names',
  mayWrite: 'names',
  checkTree: 'sync',
};

const names = Object.keys(calls) as (keyof typeof calls)[];

/** A call by its number on the page. */
export function callByNumber(number: number): { readonly name: string; readonly kind: CallKind } | undefined {
  const name = names[number - 1];
  return name === undefined ? undefined : { name, kind: calls[name] };
}

const NONE: Bytes = ascii('');

/** The same port, each of whose calls stands on the page while it is made. */
export function published(port: FsPort, page: Slot): FsPort {
  const wrapped = Object.create(port) as FsPort;
  for (const [index, name] of names.entries()) {
    if (name === CHECK) continue;
    const call = port[name] as (...args: unknown[]) => unknown;
    const number = index + 1;
    const value = (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown): unknown => {
      const from = typeof a === 'number' ? a : 0;
      const source = typeof b === 'string' ? b : typeof a === 'string' ? a : NONE;
      page.enter(
        number,
        from,
        source as Bytes,
        // A mode, a group or an offset is no directory.
        typeof c === 'number' && typeof d === 'string' ? c : 0,
        typeof d === 'string' ? (d as Bytes) : NONE,
      );
      try {
        return call(a, b, c, d, e);
      } finally {
        page.leave();
      }
    };
    Object.defineProperty(wrapped, name, { value, enumerable: true, writable: true });
  }
  return wrapped;
}

/** Asks whether a tree answers (see answering.ts), on the page while that takes. */
export function checkPublished(path: Bytes, fs: FsPort, timeoutMs: number, page: Slot): void {
  page.enter(names.indexOf(CHECK) + 1, 0, path, 0, NONE);
  try {
    checkTree(path, fs, timeoutMs);
  } finally {
    page.leave();
  }
}
