import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './world.ts';

const SETUID_SETGID = 0o6000;

/**
 * Setuid programs that a user kept by a hard link though no directory of root names them any more. The stash is emptied.
 * @returns inode numbers and modes
 */
export function survivors({ stash, root, private: own }: World): string[] {
  // They are called by their inode numbers.
  const names = readdirSync(stash).filter((name) => /^\d+$/.test(name));
  const stashed = names.flatMap((name) => {
    const path = join(stash, name);
    const { ino, mode } = lstatSync(path);
    return [{ path, ino, mode }];
  });
  if (stashed.length === 0) return [];
  const named = new Set([...inodes(`${root}/usr/bin`), ...inodes(`${own}/image`)]);
  const alive = stashed.filter(({ ino, mode }) => (mode & SETUID_SETGID) !== 0 && !named.has(ino));
  for (const { path } of stashed) rmSync(path, { force: true, recursive: true });
  return alive.map(({ ino, mode }) => `inode ${ino}, mode ${mode.toString(8)}`);
}

function inodes(top: string): number[] {
  try {
    return readdirSync(top, { recursive: true }).map((name) => lstatSync(join(top, String(name))).ino);
  } catch (error) {
    // There is no image yet.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
