/**
 * All names that the questions make on a workbench. What is removed there is removed by these names and no others, so
 * that no mistake about whose directory it is can cost somebody his files.
 */
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import type { DirHandle, FsPort } from '../fs/port.ts';
import { ignoring } from '../ignoring.ts';

/** Longer than the names that kernels before 3.18 keep within a dentry: those were shown otherwise. */
export const LONG_NAME: Bytes = ascii('replaced-while-held-by-a-name-too-long-for-its-dentry');

/** Bytes that some file systems refuse, or give back as others. */
export const ANY_NAME: Bytes = toBytes(Buffer.from('any-\x01:*?"<>|\\\xff. ', 'latin1'));

/** What `longestName` makes. */
export function longest(nameMax: number): Bytes {
  return ascii('n'.repeat(nameMax));
}

const FILES: ReadonlySet<Bytes> = new Set([
  ...`rename link reflink-from reflink-to copy-range-from copy-range-to renamed staged no-replace no-replace-2 exchange
      exchange-2 hard-link hard-link-2 owner mode nanoseconds seconds user.emplace trusted.emplace security.capability
      system.posix_acl_access holes symlink fifo device Case case instead instead-2 unnamed-file exec`
    .split(/\s+/)
    .map(ascii),
  ...['renamed', 'staged'].map((role) => ascii(`${LONG_NAME}-${role}`)),
  ANY_NAME,
]);

/** Each with the files that it may hold. */
const DIRECTORIES: ReadonlyMap<Bytes, readonly Bytes[]> = new Map([
  [ascii('rename-directory'), [ascii('rename-directory')]],
  [ascii('instead-directory'), []],
]);

/** Whether some question makes this name. */
export function isBenchName(name: Bytes): boolean {
  return FILES.has(name) || DIRECTORIES.has(name) || /^n+$/.test(name);
}

/** Removes what questions leave in a directory, and nothing else. @throws SyscallError, but none for what stays */
export function emptyBench(dir: DirHandle, fs: FsPort): void {
  const listed = fs.list(dir).map(({ name }) => name);
  for (const name of listed.filter(isBenchName)) remove(dir, name, fs);
  // Some file systems give a name back as another.
  if (!listed.every(isBenchName)) for (const name of FILES) remove(dir, name, fs, NO_NAME);
}

/** errnos that say: not there, or not of this type; and of what was not listed: no name at all here. */
const GONE = ['ENOENT', 'ENOTDIR', 'EISDIR'];
const NO_NAME = ['EINVAL', 'EILSEQ', 'ENAMETOOLONG'];

function remove(dir: DirHandle, name: Bytes, fs: FsPort, also: readonly string[] = []): void {
  const files = DIRECTORIES.get(name);
  if (files === undefined) {
    ignoring(() => fs.unlink(dir, name), ...GONE, ...also);
    return;
  }
  ignoring(
    () => {
      const below = fs.openDir(dir, name);
      try {
        for (const file of files) ignoring(() => fs.unlink(below, file), ...GONE);
      } finally {
        fs.closeDir(below);
      }
      fs.rmdir(dir, name);
    },
    ...GONE,
    'ENOTEMPTY',
    'EEXIST',
  );
}
