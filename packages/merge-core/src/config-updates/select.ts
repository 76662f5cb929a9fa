import { posix } from 'node:path';
import { type Bytes, show, toBuffer, toBytes } from '@emplace/syscalls';
import { MergeError } from '../errors.ts';
import type { PathText } from '../ledger/package-request.ts';
import { absolute } from '../options.ts';
import { isWithin } from '../paths.ts';
import { pathOf } from './find.ts';
import { type ChosenUpdate, newestOf, type PendingFile } from './model.ts';

/**
 * The updates that somebody names: by the number of the file in the list, or by the path of the file or of one of its
 * updates. A file stands for its newest update. An absolute path is one as seen from the root, or from outside; a relative one starts at the
 * current directory, or at the root.
 * @throws MergeError CONFIG_UPDATE_UNKNOWN for what names none
 */
export function selectConfigUpdates(
  files: readonly PendingFile[],
  names: readonly PathText[],
  root: PathText,
): ChosenUpdate[] {
  const top = normal(absolute(root, 'root'));
  const chosen = new Map<PendingFile, ChosenUpdate>();
  for (const name of names) {
    const one = /^\d+$/.test(toBytes(name)) ? byNumber(files, Number(name)) : byPath(files, toBytes(name), top);
    if (one === undefined)
      throw new MergeError('CONFIG_UPDATE_UNKNOWN', `no update waits for \`${show(toBytes(name))}\``);
    // Named twice, by its number and its path: once is meant.
    const before = chosen.get(one.file);
    if (before !== undefined && before.update !== one.update)
      throw new MergeError('CONFIG_UPDATE_UNKNOWN', `two updates of \`/${show(one.file.path)}\` are named: name one`);
    chosen.set(one.file, one);
  }
  return [...chosen.values()];
}

/** The newest update of each. */
export function allConfigUpdates(files: readonly PendingFile[]): ChosenUpdate[] {
  return files.map((file) => ({ file, update: newestOf(file) }));
}

function byNumber(files: readonly PendingFile[], number: number): ChosenUpdate | undefined {
  const file = files.find((one) => one.number === number);
  return file && { file, update: newestOf(file) };
}

function byPath(files: readonly PendingFile[], name: Bytes, top: Bytes): ChosenUpdate | undefined {
  const outside = normal(absolute(toBuffer(name), 'path'));
  const seen = [normal(`/${name}` as Bytes), ...(isWithin(outside, top) ? [outside.slice(top.length)] : [])];
  for (const path of seen.map((one) => one.replace(/^\//, '') as Bytes)) {
    for (const file of files) {
      if (file.path === path) return { file, update: newestOf(file) };
      const update = file.updates.find((one) => pathOf(file, one.name) === path);
      if (update !== undefined) return { file, update };
    }
  }
  return undefined;
}

/** Without a slash at the end; the root directory itself is empty. */
function normal(path: Bytes): Bytes {
  return posix.normalize(path).replace(/\/+$/, '') as Bytes;
}
