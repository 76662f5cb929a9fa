import type { FileHandle } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import { explain, MergeError, quoted } from '../errors.ts';
import { splitPath } from '../paths.ts';
import type { ConfigSite } from './site.ts';

/**
 * Portage holds its config memory locked (lockf(3) on the file itself) while it merges files, and so while it decides which updates to
 * offer: nothing is settled meanwhile. A root that has no config memory has no lock.
 *
 * What is settled changes nothing in the memory: it knows what was offered last, and that stays so (docs/PORTAGE.md, F.6).
 * @throws MergeError LOCKED, PERMISSION
 */
export function lockConfigMemory({ fs, root, places }: ConfigSite): Disposable {
  const { parent, name } = splitPath(places.memory);
  using opened = new DisposableStack();
  try {
    const file: FileHandle = fs.openWritable(root.at(parent), name);
    opened.defer(() => fs.closeFile(file));
    if (!fs.tryRecordLock(file)) {
      const pid = fs.recordLockHolder(file);
      const who = pid === undefined ? 'another program' : `process ${pid}`;
      throw new MergeError('LOCKED', `${quoted(places.memory)} is locked by ${who}`, { outcome: 'locked' });
    }
  } catch (error) {
    // A read-only one is not locked by anybody who would write to it.
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'EROFS')) return none;
    throw explain(error, 'PERMISSION', `cannot lock ${quoted(places.memory)}`);
  }
  const kept = opened.move();
  return { [Symbol.dispose]: () => kept.dispose() };
}

const none: Disposable = { [Symbol.dispose]: () => {} };
