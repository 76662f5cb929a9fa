import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** By `cp`, with everything. @param to is made when missing */
export function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  execFileSync('cp', ['-a', '--reflink=never', `${from}/.`, to]);
}

/** One byte more in each of the files below `top`: none is what it was. */
export function outdate(top: string, files: readonly string[]): void {
  const append = 'while IFS= read -r -d "" file; do printf x >> "$file"; done';
  execFileSync('bash', ['-c', append], { cwd: top, input: files.map((file) => `${file}\0`).join('') });
}

/** Copies the files and the directories they lie in. */
export function copyFiles(from: string, to: string, files: readonly string[]): void {
  mkdirSync(to);
  const args = ['-a', '--from0', '--files-from=-', `${from}/`, to];
  execFileSync('rsync', args, { input: files.map((file) => `${file}\0`).join('') });
}

/** Regular files below `top`, sorted. */
export function filesOf(top: string): string[] {
  const found = execFileSync('find', ['.', '-type', 'f', '-print0'], {
    cwd: top,
    encoding: 'latin1',
    maxBuffer: 2 ** 30,
  });
  return found.split('\0').filter(Boolean).sort();
}

/** How many names a tree has. */
export function entriesOf(top: string): number {
  return execFileSync('find', [top, '-mindepth', '1', '-printf', '.'], { maxBuffer: 2 ** 30 }).length;
}
