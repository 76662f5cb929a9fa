import { silenceAt } from '@emplace/fsprobe';
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_FDCWD,
  ascii,
  type Bytes,
  close,
  faccessat,
  fstatfs,
  isErrno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  open,
  read,
  readlinkat,
  S_IFMT,
  S_IFREG,
  ST_NOEXEC,
  STATX_TYPE,
  statx,
  X_OK,
} from '@emplace/syscalls';
import { formatOf, HEAD_BYTES } from './format.ts';
import { type Blame, blaming, refusal, SpawnError } from './spawn-error.ts';

/** A file that the kernel opens to run a program. */
export interface Executable {
  /** As it was named, and as /proc shows where that leads to. */
  readonly path: Bytes;
  readonly real: Bytes;
  readonly blame: 'program' | 'interpreter';
}

/** So many times the kernel goes from a script to its interpreter (fs/exec.c, exec_binprm); once more is ELOOP. */
const INTERPRETERS_MAX = 5;
/** How long a file system that others serve may take to let a file be opened. */
const ANSWER_MS = 2_000;

/** @throws SpawnError ENOENT, ENOTDIR, EACCES, ELOOP: what chdir would say; ETIMEDOUT where it would not return */
export async function checkDirectory(path: Bytes): Promise<void> {
  await checkAnswering('directory', path);
  blaming('directory', path, () => {
    close(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
  });
}

/**
 * The program, and the interpreters that its `#!` line or ELF header names: found without running anything. The
 * kernel says of a missing interpreter what it says of a missing program, and the C library hands a file of no known
 * format to `/bin/sh`, which would run half of it: so both are looked for beforehand.
 *
 * Not guaranteed: that it stays so until exec. A file that may be run but not read is taken for the last one.
 * @param cwd where the path of an interpreter starts that is not absolute
 * @throws SpawnError; ETIMEDOUT where exec would not return
 */
export async function executablesOf(program: Bytes, cwd: Bytes): Promise<Executable[]> {
  const found: Executable[] = [];
  let path: Bytes | undefined = program;
  while (path !== undefined) {
    const blame = found.length === 0 ? 'program' : 'interpreter';
    await checkAnswering(blame, path);
    const executable: Executable = { path, real: realPath(path, blame), blame };
    checkExecutable(executable);
    found.push(executable);
    path = interpreterOf(executable, found.length, cwd);
  }
  return found;
}

/** This process opens nothing that was not asked whether it answers, by another one. */
async function checkAnswering(blame: Blame, path: Bytes): Promise<void> {
  const silence = await silenceAt(path, ANSWER_MS);
  if (silence !== undefined)
    throw new SpawnError('ETIMEDOUT', blame, path, `lies on a file system that does not answer: ${silence}`);
}

function realPath(path: Bytes, blame: Blame): Bytes {
  return blaming(blame, path, () => {
    const fd = open(path, O_PATH | O_CLOEXEC);
    try {
      return readlinkat(AT_FDCWD, ascii(`/proc/self/fd/${fd}`));
    } catch (error) {
      // No /proc, or too long a path: what was named has to do.
      if (isErrno(error, 'ENOENT', 'EACCES', 'ENAMETOOLONG')) return path;
      throw error;
    } finally {
      close(fd);
    }
  });
}

/** access(2) answers as exec does, but for directories. */
function checkExecutable({ path, blame }: Executable): void {
  const { mode } = blaming(blame, path, () => statx(AT_FDCWD, path, 0, STATX_TYPE));
  if ((mode & S_IFMT) !== S_IFREG) throw new SpawnError('EACCES', blame, path, 'is no regular file');
  try {
    faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
  } catch (cause) {
    if (!isErrno(cause)) throw cause;
    if (cause.code === 'EACCES' && isOnNoexec(path))
      throw new SpawnError('EACCES', blame, path, 'lies on a file system that is mounted noexec', { cause });
    throw refusal(cause.code, blame, path, cause);
  }
}

function isOnNoexec(path: Bytes): boolean {
  const fd = open(path, O_PATH | O_CLOEXEC);
  try {
    return (fstatfs(fd).flags & ST_NOEXEC) !== 0;
  } finally {
    close(fd);
  }
}

function interpreterOf({ path, real, blame }: Executable, count: number, cwd: Bytes): Bytes | undefined {
  const head = readHead(path);
  if (head === undefined) return undefined;
  const format = formatOf(head, real);
  if (format === undefined) throw refusal('ENOEXEC', blame, path);
  if (format.kind === 'elf') return format.interpreter;
  if (format.kind === 'registered') return undefined;
  if (count > INTERPRETERS_MAX) throw refusal('ELOOP', blame, path);
  return format.interpreter.startsWith('/') ? format.interpreter : (`${cwd}/${format.interpreter}` as Bytes);
}

/** undefined for a file that may not be read. */
function readHead(path: Bytes): Buffer | undefined {
  let fd: number;
  try {
    fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  } catch (error) {
    if (isErrno(error, 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
  try {
    // Another file may have taken the name since it was looked at.
    if ((statx(fd, ascii(''), AT_EMPTY_PATH, STATX_TYPE).mode & S_IFMT) !== S_IFREG) return undefined;
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, read(fd, head));
  } finally {
    close(fd);
  }
}
