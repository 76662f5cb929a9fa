import { type FsPort, linuxPort } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { absolute } from '../options.ts';
import { openRootAlone } from '../trees.ts';
import { below, DATABASE, type PathText } from './package-request.ts';
import { Vdb } from './vdb.ts';

/** Which package database a question is about. */
export interface DatabaseOptions {
  /** The root directory; relative to the current directory. */
  readonly root: PathText;
  /** Portage's package database, a directory in the root. Default `var/db/pkg` there. */
  readonly vdb?: PathText;
  /** Another file system than Linux's own, for tests. */
  readonly fs?: FsPort;
}

export interface AskedDatabase extends Disposable {
  readonly vdb: Vdb;
  /** Absolute. */
  readonly root: Bytes;
  /** The database below the root, as it was asked for. */
  readonly path: Bytes;
  readonly fs: FsPort;
}

/**
 * A database that must be there: a question about a mistyped one would be answered with "nothing".
 * @throws MergeError BAD_OPTION, ROOT_MISSING, ROOT_UNUSABLE, VDB_DAMAGED, UNSAFE_SYMLINK, SYMLINK_LOOP
 */
export function openAskedDatabase(options: DatabaseOptions): AskedDatabase {
  const fs = options.fs ?? linuxPort();
  const root = absolute(options.root, 'root');
  const path = options.vdb === undefined ? DATABASE : below(root, absolute(options.vdb, 'package database'), 'vdb');
  using opened = new DisposableStack();
  const tree = opened.use(openRootAlone(root, fs));
  const vdb = opened.use(new Vdb(tree.root, path, fs));
  checkThere(vdb, path);
  const kept = opened.move();
  return { vdb, root, path, fs, [Symbol.dispose]: () => kept.dispose() };
}

function checkThere({ root, path: real }: Vdb, path: Bytes): void {
  try {
    root.at(real);
  } catch (cause) {
    if (!isErrno(cause)) throw cause;
    const why = cause.code === 'ENOENT' ? 'is not there' : `cannot be opened (${cause.code})`;
    throw new MergeError('BAD_OPTION', `the package database ${quoted(path)} ${why} in the root`, { cause });
  }
}
