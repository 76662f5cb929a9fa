import type { Bytes } from '@emplace/syscalls';

declare const handle: unique symbol;

/** An open directory. Names are looked up in it, so a renamed or replaced parent cannot lead elsewhere. */
export type DirHandle = number & { readonly [handle]: 'dir' };

/** An open regular file, or an entry of any type that was pinned (see {@link FsPort.pin}). */
export type FileHandle = number & { readonly [handle]: 'file' };

export type EntryType = 'directory' | 'file' | 'symlink' | 'fifo' | 'char' | 'block' | 'socket';

/** One time stamp; the nanoseconds stay apart because a double cannot hold both. */
export interface Timestamp {
  readonly sec: number;
  readonly nsec: number;
}

/** What statx says of one entry. */
export interface Stat {
  readonly type: EntryType;
  /** Permission bits with setuid, setgid, sticky (07777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly ino: bigint;
  /** Device of the file system, `makedev(major, minor)`. */
  readonly dev: number;
  /** Mount the entry was reached through: a bind mount has the same dev and another id, and still gives EXDEV. */
  readonly mountId: number;
  /** Device a char or block node stands for. */
  readonly rdev: number;
  readonly nlink: number;
  readonly size: number;
  /** Allocated 512-byte blocks: fewer than the size needs means holes. */
  readonly blocks: number;
  readonly mtime: Timestamp;
  /** When the inode was made; undefined where the file system does not keep it. */
  readonly born: Timestamp | undefined;
  /** Inode flag `i`. */
  readonly immutable: boolean;
  /** Inode flag `a`. */
  readonly appendOnly: boolean;
  /** The entry is the root of a mount. */
  readonly mountRoot: boolean;
}

export interface Named {
  readonly name: Bytes;
  /** From the directory itself; undefined where the file system does not say (DT_UNKNOWN). */
  readonly type: EntryType | undefined;
}

/** Room and limits of the file system below a directory. */
export interface Space {
  /** f_type, a magic number of statfs(2). */
  readonly magic: number;
  /** f_fsid of statfs(2), hexadecimal: which of its kind. What it is made of, and how long that lasts, is the kind's own. */
  readonly fsid: string;
  readonly readOnly: boolean;
  readonly blockSize: number;
  /** Free for this process: root may use the reserve. */
  readonly bytesFree: number;
  /** undefined where inodes are not counted (btrfs). */
  readonly inodesFree: number | undefined;
  readonly nameMax: number;
}

export type Xattrs = ReadonlyMap<Bytes, Buffer>;

/**
 * The calls that the engine may make, shaped like the system calls they become: a directory handle and a name,
 * never a long path, and no name is ever followed when it is a symlink.
 *
 * Failures are `SyscallError` (code = errno name, call, paths). `name` is one component unless said otherwise.
 * Not guaranteed: that two calls see the same entry; who needs that pins it or keeps a handle.
 */
export interface FsPort {
  /** Whom the calls are made as: the effective user id. What they make belongs to it. */
  readonly uid: number;
  /** The groups that it may give entries to. */
  readonly gids: readonly number[];

  /** Opens the directory that the caller named. The only call that follows symlinks. `path` is absolute. */
  openRoot(path: Bytes): DirHandle;
  /** Opens a directory below `at`; `path` may have slashes; `''` opens `at` anew. ELOOP or ENOTDIR for a symlink in any component. */
  openDir(at: DirHandle, path: Bytes): DirHandle;
  closeDir(dir: DirHandle): void;
  /** All entries but `.` and `..`, in the directory's order. */
  list(dir: DirHandle): Named[];

  /** lstat; undefined for ENOENT. `''` is the directory itself. */
  stat(at: DirHandle, name: Bytes): Stat | undefined;
  /** stat of what a handle holds, whatever its names are now. */
  statHandle(file: FileHandle): Stat;
  readlink(at: DirHandle, name: Bytes): Bytes;

  /** rename(2): replaces a non-directory or an empty directory. Two links of one inode: returns and leaves both. */
  rename(from: DirHandle, source: Bytes, to: DirHandle, target: Bytes): void;
  /** RENAME_NOREPLACE: EEXIST when anything has the target's name. EINVAL where the file system cannot promise that. */
  renameNew(from: DirHandle, source: Bytes, to: DirHandle, target: Bytes): void;
  /** RENAME_EXCHANGE: both names exist before and after. */
  exchange(from: DirHandle, source: Bytes, to: DirHandle, target: Bytes): void;
  link(from: DirHandle, source: Bytes, to: DirHandle, target: Bytes): void;
  unlink(at: DirHandle, name: Bytes): void;
  rmdir(at: DirHandle, name: Bytes): void;
  mkdir(at: DirHandle, name: Bytes, mode: number): void;
  symlink(at: DirHandle, name: Bytes, target: Bytes): void;
  /** FIFO or device node. */
  mknod(at: DirHandle, name: Bytes, type: 'fifo' | 'char' | 'block', mode: number, rdev: number): void;

  /** Opens a regular file for reading; never blocks on a FIFO. */
  openFile(at: DirHandle, name: Bytes): FileHandle;
  /** Opens a regular file that is there for reading and writing. ETXTBSY while a process runs it. */
  openWritable(at: DirHandle, name: Bytes): FileHandle;
  /** O_CREAT | O_EXCL, mode as given, for reading and writing. */
  createFile(at: DirHandle, name: Bytes, mode: number): FileHandle;
  /** An unnamed file on the directory's file system (O_TMPFILE): nothing to see, nothing to clean. */
  createUnnamed(at: DirHandle): FileHandle;
  /** A handle on an entry of any type, itself, never what it points to (O_PATH | O_NOFOLLOW), for attributes. `''` is the directory itself. */
  pin(at: DirHandle, name: Bytes): FileHandle;
  closeFile(file: FileHandle): void;
  /** Reads at the file's position, which goes on, or at `offset`, which leaves that; 0 at the end. */
  read(file: FileHandle, buffer: Uint8Array, offset?: number): number;
  /** Writes all of it, at the file's position, which goes on, or at `offset`, which leaves that. */
  write(file: FileHandle, data: Uint8Array, offset?: number): void;
  /** The next data at or after `offset`, bytes; undefined when only a hole is left. EINVAL where the fs cannot tell. */
  nextData(file: FileHandle, offset: number): { start: number; end: number } | undefined;
  /** copy_file_range: up to `length` bytes at the same offset in both; how many were copied. */
  copyRange(from: FileHandle, to: FileHandle, offset: number, length: number): number;
  /** FICLONE: the whole content of `from`, sharing its blocks. */
  clone(from: FileHandle, to: FileHandle): void;
  truncate(file: FileHandle, size: number): void;

  /** The attribute calls take what openFile, createFile and pin return. */
  chown(file: FileHandle, uid: number, gid: number): void;
  chmod(file: FileHandle, mode: number): void;
  setTimes(file: FileHandle, mtime: Timestamp): void;
  xattrs(file: FileHandle): Xattrs;
  setXattr(file: FileHandle, key: Bytes, value: Buffer): void;
  removeXattr(file: FileHandle, key: Bytes): void;

  fsync(file: FileHandle): void;
  /** fsync of a directory: its names are durable. */
  fsyncDir(dir: DirHandle): void;
  /** Everything written to the directory's file system is durable. */
  syncfs(dir: DirHandle): void;
  /** Of the file system of a directory, or of an open file: one may be mounted on a name. */
  space(at: DirHandle | FileHandle): Space;
  /** An exclusive flock(2) without waiting: false when another holds it. It ends with the last copy of the handle. */
  tryFlock(file: FileHandle): boolean;
  /**
   * An exclusive record lock on all of a file that is open for writing, without waiting: false when another holds one,
   * another handle or a process by lockf(3). It ends with the last copy of the handle. Knows nothing of tryFlock's.
   */
  tryRecordLock(file: FileHandle): boolean;
  /** The process that holds the record lock; undefined when none does, or one that cannot be told. */
  recordLockHolder(file: FileHandle): number | undefined;
  /**
   * The path that the kernel shows of what a handle holds, as in /proc/PID/exe: with ` (deleted)` when that name is gone.
   * undefined where nothing shows it.
   */
  pathShown(file: FileHandle): Bytes | undefined;
  /** Whether permissions let this process make and remove names in a directory, by name or `''` for itself. */
  mayWrite(at: DirHandle, name: Bytes): boolean;
  /** An absolute path by which other code, of this process or its children, reaches the directory; missing where there is none. */
  pathOf?(dir: DirHandle): string;
}
