import { silenceAt } from '@emplace/fsprobe';
import {
  AT_EMPTY_PATH,
  ascii,
  type Bytes,
  close,
  getdents64,
  geteuid,
  isErrno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  open,
  openat,
  read,
  S_IFMT,
  S_IFREG,
  STATX_MODE,
  STATX_TYPE,
  STATX_UID,
  statx,
} from '@emplace/syscalls';
import { explain, MergeError, quoted } from '../errors.ts';
import { absolute } from '../options.ts';
import { DefinitionError, parseDefinition } from './definition.ts';
import type { Hook } from './hook.ts';

const SUFFIX = '.hook';
/** More is no definition. */
const BYTES_MAX = 64 * 1024;
/** How long a file system that others serve may take to let a definition be read. */
const ANSWER_MS = 2_000;

/**
 * The hooks that a directory defines: every file `*.hook` in it, in the order of their names as bytes, the suffix left
 * out. All of them are read before anything is touched.
 * @returns undefined when there is no such directory
 * @throws MergeError HOOK_UNSAFE when somebody else than root or this user may change what is run; HOOK_INVALID with
 *   file and line; NOT_ANSWERING
 */
export async function readHooks(directory: Bytes): Promise<Hook[] | undefined> {
  await checkAnswering(directory);
  let dir: number;
  try {
    dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw explain(error, 'HOOK_INVALID', `the hooks in ${quoted(directory)} cannot be read`);
  }
  try {
    checkSafe(dir, directory);
    const hooks: Hook[] = [];
    for (const name of namesIn(dir)) {
      await checkAnswering(`${directory}/${name}` as Bytes);
      hooks.push(readHook(dir, directory, name));
    }
    return hooks;
  } finally {
    close(dir);
  }
}

/** @throws MergeError NOT_ANSWERING */
async function checkAnswering(path: Bytes): Promise<void> {
  const silence = await silenceAt(absolute(path, 'hooks'), ANSWER_MS);
  if (silence === undefined) return;
  throw new MergeError('NOT_ANSWERING', `${quoted(path)} lies on a file system that does not answer: ${silence}`);
}

function namesIn(dir: number): Bytes[] {
  const stems: string[] = [];
  while (
    getdents64(dir, (name) => {
      if (name.endsWith(SUFFIX) && !name.startsWith('.')) stems.push(name.slice(0, -SUFFIX.length));
    })
  );
  return stems.sort().map((stem) => (stem + SUFFIX) as Bytes);
}

function readHook(dir: number, directory: Bytes, name: Bytes): Hook {
  const path = `${directory}/${name}` as Bytes;
  try {
    return parseDefinition(readDefinition(dir, name, path), name.slice(0, -SUFFIX.length) as Bytes);
  } catch (error) {
    if (!(error instanceof DefinitionError))
      throw explain(error, 'HOOK_INVALID', `the hook ${quoted(path)} cannot be read`);
    const where = error.line === 0 ? '' : `, line ${error.line}`;
    throw new MergeError('HOOK_INVALID', `${quoted(path)}${where}: ${error.message}`, { cause: error });
  }
}

function readDefinition(dir: number, name: Bytes, path: Bytes): Bytes {
  // A FIFO is not waited for, a symlink not followed: what it leads to may lie where others write.
  const fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  try {
    const { mode } = checkSafe(fd, path);
    if ((mode & S_IFMT) !== S_IFREG) throw new DefinitionError(0, 'it is no regular file');
    return readUpTo(fd, BYTES_MAX);
  } finally {
    close(fd);
  }
}

function readUpTo(fd: number, bytesMax: number): Bytes {
  const buffer = Buffer.alloc(bytesMax + 1);
  let length = 0;
  for (;;) {
    const count = length > bytesMax ? 0 : read(fd, buffer.subarray(length));
    if (count === 0) break;
    length += count;
  }
  if (length > bytesMax) throw new DefinitionError(0, `it is longer than ${bytesMax} bytes`);
  return buffer.latin1Slice(0, length) as Bytes;
}

/** By handle: the name may lead elsewhere by now. */
function checkSafe(fd: number, path: Bytes): { readonly mode: number } {
  const { mode, uid } = statx(fd, ascii(''), AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_UID);
  if (uid !== 0 && uid !== geteuid())
    throw new MergeError('HOOK_UNSAFE', `${quoted(path)} belongs to user ${uid}, who could have any program run`);
  if ((mode & 0o022) !== 0)
    throw new MergeError('HOOK_UNSAFE', `${quoted(path)} can be written by others, who could have any program run`);
  return { mode };
}
