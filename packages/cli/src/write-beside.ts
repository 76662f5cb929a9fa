import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MergeError } from '@emplace/merge-core';
import { show, toBytes } from '@emplace/syscalls';

/**
 * Puts a whole file where an old one may be: who reads it sees one or the other. It is written beside it, under a hidden name
 * without its suffix, which collectors of `*.prom` do not read.
 * @param mode of the file, whatever the umask is
 * @throws MergeError OUTPUT_UNWRITABLE
 */
export function writeBeside(path: string, content: string, mode: number): void {
  const staged = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}`);
  try {
    // O_EXCL: a symlink that somebody planted under that name is not followed.
    const fd = openSync(staged, 'wx', mode);
    try {
      fchmodSync(fd, mode);
      writeFileSync(fd, content);
    } finally {
      closeSync(fd);
    }
    renameSync(staged, path);
  } catch (cause) {
    rmSync(staged, { force: true });
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new MergeError('OUTPUT_UNWRITABLE', `\`${show(toBytes(path))}\` cannot be written (${code})`, { cause });
  }
}
