import { type DirHandle, type FsPort, linuxPort, type OwnerFinder } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno, SyscallError } from '@emplace/syscalls';
import { MergeError } from '../errors.ts';
import { absolute } from '../options.ts';
import { openOwners } from './owners.ts';
import { showPackage } from './package-name.ts';
import { below, DATABASE, type PathText } from './package-request.ts';
import { CONTENTS, Vdb } from './vdb.ts';

export interface VdbOwnerOptions {
  /** Portage's package database as it is seen from the root. Default `/var/db/pkg`. */
  readonly vdb?: PathText;
}

const OWN_ROOT = ascii('/');
/**
 * Of all CONTENTS: as much as some 700,000 files of packages need. One is read into a string, which may not have 512 MiB, and as an
 * index the shortest lines take 15 times as much.
 */
const FOREIGN_BYTES_MAX = 64 * 1024 ** 2;

/**
 * Finds whose paths are in Portage's database: `CATEGORY/PF`. Nothing is written; the index that `openOwners` keeps is
 * used below `/`, elsewhere every CONTENTS is read. A database that is damaged or closed to us names no owner.
 * @throws MergeError BAD_OPTION for a `vdb` that is no path
 */
export function vdbOwners({ vdb }: VdbOwnerOptions = {}): OwnerFinder {
  const path = vdb === undefined ? DATABASE : below(OWN_ROOT, absolute(vdb, 'package database'), 'vdb');
  return {
    name: 'vdb',
    ownersOf(paths, root, untilMs) {
      const port = linuxPort();
      const fs = root === OWN_ROOT ? port : guarded(port, untilMs);
      try {
        const top = fs.openRoot(root);
        try {
          return ownersIn(paths, top, path, fs);
        } finally {
          fs.closeDir(top);
        }
      } catch (error) {
        if (isErrno(error) || error instanceof MergeError) return new Map();
        throw error;
      }
    },
  };
}

function ownersIn(
  paths: ReadonlySet<Bytes>,
  top: DirHandle,
  path: Bytes,
  fs: FsPort,
): ReadonlyMap<Bytes, readonly string[]> {
  using vdb = new Vdb(top, path, fs);
  if (vdb.directories().length === 0) return new Map();
  const index = openOwners(vdb);
  const owned = [...paths].map((one) => [one, index.ownersOf(one.replace(/^\/+/, '') as Bytes)] as const);
  return new Map(
    owned.filter(([, owners]) => owners.length > 0).map(([one, owners]) => [one, owners.map(showPackage)]),
  );
}

/**
 * For a root that somebody else laid out: nothing but CONTENTS is opened, and that only as a regular file (opening a
 * device can do harm), and no more of it than a limit, nor after a time. An index there could claim anything.
 */
function guarded(fs: FsPort, untilMs: number = Number.POSITIVE_INFINITY): FsPort {
  let bytesLeft = FOREIGN_BYTES_MAX;
  return {
    ...fs,
    openFile(at, name) {
      if (performance.now() >= untilMs) throw new SyscallError('ETIMEDOUT', 'openat', [name]);
      const stat = name === CONTENTS ? fs.stat(at, name) : undefined;
      if (stat?.type !== 'file') throw new SyscallError('ENOENT', 'openat', [name]);
      bytesLeft -= stat.size;
      if (bytesLeft < 0) throw new SyscallError('EFBIG', 'openat', [name]);
      return fs.openFile(at, name);
    },
  };
}
