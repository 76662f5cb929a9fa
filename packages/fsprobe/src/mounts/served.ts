import {
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_DONT_SYNC,
  ascii,
  type Bytes,
  close,
  fstatfs,
  isErrno,
  O_CLOEXEC,
  O_PATH,
  open,
  readlinkat,
  STATX_MNT_ID,
  statx,
} from '@emplace/syscalls';
import { mayNeverAnswer, servedTypes } from '../filesystem.ts';
import type { Mount } from './mountinfo.ts';
import { MountsUnreadableError, readMounts } from './read-mounts.ts';

const TOP: Bytes = ascii('/');
/** As many as the kernel follows (MAXSYMLINKS). */
const SYMLINKS_MAX = 40;

/**
 * Whether the way to `path` leads into a file system that another process or machine serves, which may never answer.
 * Such a one is not touched to find that out: the list of mounts tells, and of each part of the path on the way there
 * only the link it may be is read. True where the list cannot be had.
 *
 * Not guaranteed: that it is so a moment later; of a path with nothing at its end; of a local file system that is itself
 * on a served one (overlay, loop).
 * @param path absolute
 */
export function isServed(path: Bytes): boolean {
  let mounts: Mounts;
  try {
    mounts = new Mounts(readMounts('self').mounts);
  } catch (error) {
    if (error instanceof MountsUnreadableError) return true;
    throw error;
  }
  const top: Place = {
    path: TOP,
    mount: statx(AT_FDCWD, TOP, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_MNT_ID).mountId,
  };
  if (mounts.isServed(top.mount)) return true;
  const todo = path.split('/').reverse() as Bytes[];
  let way = [top];
  for (let links = 0; todo.length > 0; ) {
    const name = todo.pop() as Bytes;
    const here = way.at(-1) ?? top;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      way.pop();
      continue;
    }
    const below = `${here.path === TOP ? '' : here.path}/${name}` as Bytes;
    const mount = mounts.over(below, here.mount);
    if (mounts.isServed(mount)) return true;
    const link = mount === here.mount ? linkAt(below) : undefined;
    // Opening it will say what is wrong there.
    if (link === 'nothing' || links > SYMLINKS_MAX) return false;
    if (link === undefined) {
      way.push({ path: below, mount });
      continue;
    }
    links++;
    if (link.target.startsWith('/')) way = [top];
    todo.push(...(link.target.split('/').reverse() as Bytes[]));
  }
  return false;
}

/** A directory on the way, as the kernel would reach it. */
interface Place {
  readonly path: Bytes;
  readonly mount: number;
}

class Mounts {
  readonly #byId: ReadonlyMap<number, Mount>;
  readonly #mounts: readonly Mount[];

  constructor(mounts: readonly Mount[]) {
    this.#mounts = mounts;
    this.#byId = new Map(mounts.map((mount) => [mount.id, mount]));
  }

  /** What is seen at a path of the mount `id`: that, or the uppermost of those mounted there. */
  over(path: Bytes, id: number): number {
    const above = this.#mounts.find((mount) => mount.parent === id && mount.point === path && mount.id !== id);
    return above === undefined ? id : this.over(path, above.id);
  }

  isServed(id: number): boolean {
    const type = this.#byId.get(id)?.type;
    // Only the root of a chroot is not listed; a process that runs from there has to trust it.
    return type === undefined ? mayNeverAnswer(magicOf(TOP)) : servedTypes.includes(type);
  }
}

function magicOf(path: Bytes): number {
  const fd = open(path, O_PATH | O_CLOEXEC);
  try {
    return fstatfs(fd).type;
  } finally {
    close(fd);
  }
}

/** undefined for what is there and no symlink. */
function linkAt(path: Bytes): { readonly target: Bytes } | 'nothing' | undefined {
  try {
    return { target: readlinkat(AT_FDCWD, path) };
  } catch (error) {
    if (isErrno(error, 'EINVAL')) return undefined;
    if (isErrno(error)) return 'nothing';
    throw error;
  }
}
