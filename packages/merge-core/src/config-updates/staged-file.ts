import type { DirHandle, FileHandle, FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { stagedName, transactionOf } from '../staged-names.ts';
import { applyAttributes, portable } from '../strategy/attributes.ts';
import { copyContent } from '../strategy/content.ts';
import { makeEntry } from '../strategy/make-entry.ts';

/** Eight letters, as all that stage have: what a kill left of it is found by whoever settles something there next. */
const TRANSACTION = 'settling';

/** What gets a name at once and whole. */
export interface Replacement {
  readonly dir: DirHandle;
  readonly name: Bytes;
  /** Makes the new entry under a name that does not exist, and closes it. */
  readonly make: (staged: Bytes) => void;
  /** The last look before the new entry takes the name. */
  readonly check?: () => void;
  readonly durable: boolean;
}

/** Makes an entry beside its name and renames it there: who looks sees the old one or the new one, whole, whenever we are killed. */
export function replace({ dir, name, make, check = () => {}, durable }: Replacement, fs: FsPort): void {
  removeLeft(dir, fs);
  const staged = stagedName(TRANSACTION, 's', 0, name);
  make(staged);
  try {
    if (durable && fs.stat(dir, staged)?.type === 'file')
      withFile(fs.openFile(dir, staged), (file) => fs.fsync(file), fs);
    check();
    fs.rename(dir, staged, dir, name);
  } catch (error) {
    unmake(dir, staged, fs);
    throw error;
  }
  if (durable) fs.fsyncDir(dir);
}

/** What failed is told, not what came of it: the next one here removes what is left. */
function unmake(dir: DirHandle, staged: Bytes, fs: FsPort): void {
  try {
    fs.unlink(dir, staged);
  } catch (error) {
    if (!isErrno(error)) throw error;
  }
}

/** Only with the root locked: then nobody else settles anything. */
function removeLeft(dir: DirHandle, fs: FsPort): void {
  const left = fs.list(dir).filter(({ name }) => transactionOf(name) === TRANSACTION);
  for (const { name } of left) fs.unlink(dir, name);
}

/** A second entry like `source`: content, owner, mode, times, extended attributes; 0600 until it is whole. */
export function copyOf(dir: DirHandle, source: Bytes, stat: Stat, fs: FsPort): Replacement['make'] {
  return (staged) => makeEntry({ dir, name: source }, stat, { dir, name: staged }, copyContent, fs);
}

/** A file with this content, now, and the owner, mode and extended attributes of `like`, a file beside it. */
export function fileLike(dir: DirHandle, like: Bytes, content: Buffer, fs: FsPort): Replacement['make'] {
  return (staged) =>
    withFile(
      fs.openFile(dir, like),
      (from) => {
        const attributes = { ...fs.statHandle(from), xattrs: portable(fs.xattrs(from)), mtime: now() };
        newFile(dir, staged, content, (file) => applyAttributes(file, attributes, fs), fs);
      },
      fs,
    );
}

/** A file that nobody else reads. */
export function privateFile(dir: DirHandle, content: Buffer, fs: FsPort): Replacement['make'] {
  return (staged) => newFile(dir, staged, content, () => {}, fs);
}

function newFile(dir: DirHandle, staged: Bytes, content: Buffer, finish: (file: FileHandle) => void, fs: FsPort): void {
  const file = fs.createFile(dir, staged, 0o600);
  try {
    withFile(
      file,
      () => {
        fs.write(file, content);
        finish(file);
      },
      fs,
    );
  } catch (error) {
    unmake(dir, staged, fs);
    throw error;
  }
}

function withFile(file: FileHandle, use: (file: FileHandle) => void, fs: FsPort): void {
  try {
    use(file);
  } finally {
    fs.closeFile(file);
  }
}

function now(): Stat['mtime'] {
  const ms = Date.now();
  return { sec: Math.floor(ms / 1000), nsec: (ms % 1000) * 1_000_000 };
}
