/**
 * What a path that /proc shows of a process leads to, for that process: never the host's file of the same name.
 *
 * The kernel renders paths as our root sees them, and in full where they are not below it. So with our own root and in
 * our mount namespace a path is looked up as it is, of chrooted processes too; all others below `/proc/PID/root`, without
 * the path of that root where one is shown. A root is held open for a while: its process may end.
 */
import {
  AT_FDCWD,
  ascii,
  type Bytes,
  close,
  isErrno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  open,
  openat,
  openat2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_XDEV,
  readlinkat,
} from '@emplace/syscalls';
import { parseMountinfo } from '../mounts/mountinfo.ts';
import type { ProcessDirectory } from '../processes/process.ts';
import { attempt, isUnread, readWhole, sameFile } from '../processes/read.ts';
import { asFound, type Found, findPath, type Present, statDescriptor, statFile } from './found.ts';
import { isDeleted, withoutDeleted } from './image-paths.ts';
import type { ProcessPlace } from './model.ts';
import { type MountList, mountList } from './mount-list.ts';

/** How processes of one root and one mount namespace see files. */
export interface View {
  readonly place: ProcessPlace;
  /** Where its package database is, from here: `/` or `/proc/PID/root`. */
  readonly root: Bytes;
  /** What a path as /proc shows it leads to now. */
  find(shown: Bytes): Found;
  /** The same, of some earlier time of this scan: enough to see that nothing has changed. */
  findOnce(shown: Bytes): Found;
  /** What a path leads to that the process itself would use, for instance one of its arguments. */
  findOwn(path: Bytes): Found;
  /** A shown path as the process itself would use it; undefined when it is not below its root. */
  own(shown: Bytes): Bytes | undefined;
  mounts(): MountList;
}

export interface Views extends Disposable {
  /** Ours. */
  readonly host: View;
  /** The mounts that we see. */
  readonly mounts: MountList;
  /** Good until the next one is asked for. @param root what the process's root link leads to @throws SyscallError */
  viewOf(process: ProcessDirectory, root: Present): View;
}

const TOP = ascii('/');
const ROOT = ascii('root');
const MOUNTS = ascii('mountinfo');
const NAMESPACE = ascii('ns/mnt');
/** Held open at a time: there may be more mount namespaces than we may have descriptors. */
const ROOTS_MAX = 64;

/** @param itself the directory of this process in /proc @throws SyscallError */
export function openViews(itself: ProcessDirectory): Views {
  const ownRoot = statFile(AT_FDCWD, TOP) as Present;
  const namespace = readlinkat(itself.fd, NAMESPACE);
  const mounts = mountList(parseMountinfo(readWhole(itself.fd, MOUNTS)), ownRoot);
  // Who serves a mount may never answer, and a call that waits for him cannot be ended.
  const find = (path: Bytes): Found => (mounts.isServedAt(path) ? 'unknown' : findPath(path));
  const host: View = { ...looks(find), place: 'host', root: TOP, own: (shown) => shown, mounts: () => mounts };
  const known = new Map<string, View>();
  const open = new Map<string, number>();

  function hold(key: string, fd: number): void {
    open.set(key, fd);
    const [oldest, of] = open.entries().next().value ?? [key, fd];
    if (open.size <= ROOTS_MAX) return;
    close(of);
    open.delete(oldest);
    known.delete(oldest);
  }

  function makeView(process: ProcessDirectory, root: Present, key: string): View {
    const shown = readlinkat(process.fd, ROOT);
    const isOurs = readlinkat(process.fd, NAMESPACE) === namespace;
    if (isOurs && isAt(shown, root)) return chroot(host, shown, process.pid);
    if (isOurs && root.nlink === 0 && isDeleted(shown)) return chroot(host, withoutDeleted(shown), process.pid);
    const fd = openat(process.fd, ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
    hold(key, fd);
    // A service with a mount namespace of its own and the root of all others is no container.
    const place = sameFile(root, ownRoot) ? 'host' : 'container';
    return foreign(fd, shown, mountsOf(process, root), place, process.pid);
  }

  return {
    host,
    mounts,
    viewOf(process, root) {
      // A mount is of one namespace alone. Where stat does not tell it, the namespace has to be asked for each time.
      const where = root.mountId ?? readlinkat(process.fd, NAMESPACE);
      if (sameFile(root, ownRoot) && where === (root.mountId === undefined ? namespace : ownRoot.mountId)) return host;
      const key = `${where} ${root.dev} ${root.ino}`;
      const view = known.get(key) ?? makeView(process, root, key);
      known.set(key, view);
      return view;
    },
    [Symbol.dispose]: () => {
      for (const fd of open.values()) close(fd);
      open.clear();
    },
  };
}

function isAt(path: Bytes, root: Present): boolean {
  const found = findPath(path);
  return typeof found === 'object' && sameFile(found, root) && found.mountId === root.mountId;
}

/** A root below ours: all that the process holds is shown as we see it, what is outside of its root too. */
function chroot(host: View, top: Bytes, pid: number): View {
  const own = (shown: Bytes): Bytes | undefined => below(shown, top);
  const findOwn = (path: Bytes): Found => {
    // Symlinks must not lead out of it: `/etc` of a chroot's program is that of the chroot.
    const fd = attempt(() => open(top, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (isUnread(fd)) return 'unknown';
    try {
      return asFound(() => statBelow(fd, path, 0));
    } finally {
      close(fd);
    }
  };
  return { ...host, place: 'chroot', root: ascii(`/proc/${pid}/root`), own, findOwn };
}

function foreign(fd: number, top: Bytes, mounts: () => MountList, place: ProcessPlace, pid: number): View {
  const own = (shown: Bytes): Bytes | undefined => below(shown, top);
  const find = (path: Bytes): Found => {
    try {
      return statBelow(fd, path, RESOLVE_NO_XDEV) ?? 'absent';
    } catch (error) {
      if (!isErrno(error, 'EXDEV')) return asFound(() => raise(error));
    }
    // Whoever mounts in there may serve it himself and never answer.
    return mounts().isServedAt(path) ? 'unknown' : asFound(() => statBelow(fd, path, 0));
  };
  const findShown = (shown: Bytes): Found => {
    const path = own(shown);
    return path === undefined ? 'unknown' : find(path);
  };
  const root = place === 'host' ? TOP : ascii(`/proc/${pid}/root`);
  return { ...looks(findShown), findOwn: find, place, root, own, mounts };
}

function raise(error: unknown): never {
  throw error;
}

/** Before Linux 5.6 there is no way to keep symlinks within a root: then nothing is known. @throws SyscallError */
function statBelow(root: number, path: Bytes, resolve: number): Present | undefined {
  const fd = openat2(root, path, O_PATH | O_CLOEXEC, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve);
  try {
    return statDescriptor(fd);
  } finally {
    close(fd);
  }
}

function looks(find: (path: Bytes) => Found): Pick<View, 'find' | 'findOnce' | 'findOwn'> {
  const known = new Map<Bytes, Found>();
  const findOnce = (path: Bytes): Found => {
    let found = known.get(path);
    if (found === undefined) {
      found = find(path);
      known.set(path, found);
    }
    return found;
  };
  return { find, findOnce, findOwn: find };
}

function below(shown: Bytes, top: Bytes): Bytes | undefined {
  if (!shown.startsWith('/')) return undefined;
  if (top === '/') return shown;
  return shown.startsWith(`${top}/`) ? (shown.slice(top.length) as Bytes) : undefined;
}

/** Read when it is first asked for, and then of whichever process had this root first: it has to be alive until then. */
function mountsOf(process: ProcessDirectory, root: Present): () => MountList {
  // The directory is closed by the time that somebody asks, so the text is taken now.
  const text = attempt(() => readWhole(process.fd, MOUNTS));
  let list: MountList | undefined;
  return () => {
    list ??= mountList(parseMountinfo(isUnread(text) ? ('' as Bytes) : text), root);
    return list;
  };
}
