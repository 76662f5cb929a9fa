import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Removes what an earlier build left in a directory. What cannot be removed (another user's process cached what it had compiled
 * there) stays: the new build is as good.
 * @param current names that stay
 * @param keepMs how old the others have to be
 * @returns why something stays that is old
 */
export function removeOld(directory: string, current: readonly string[], keepMs: number): string[] {
  const names = readdirSync(directory).filter((name) => !current.includes(name));
  return names.flatMap((name) => {
    const path = join(directory, name);
    try {
      const { mtimeMs } = statSync(path);
      if (Date.now() - mtimeMs > keepMs) rmSync(path, { recursive: true, force: true });
      return [];
    } catch (error) {
      // Another build removes the same.
      const { code, message } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' ? [] : [`\`${path}\` cannot be removed (${code ?? message})`];
    }
  });
}
