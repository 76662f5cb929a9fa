import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeLoopFs, unmount } from '@emplace/fixtures';

/** Two trees, ready to be merged. */
export interface Trees extends Disposable {
  readonly image: string;
  readonly root: string;
}

export interface Case {
  readonly name: string;
  /** The image lies on another mount: everything is copied and every engine leaves the image whole. */
  readonly across: boolean;
  readonly replaces: boolean;
}

export const CASES: readonly Case[] = [
  { name: 'fresh, same mount', across: false, replaces: false },
  { name: 'replace all, same mount', across: false, replaces: true },
  { name: 'fresh, across mounts', across: true, replaces: false },
];

/**
 * A fresh ext4 with the trees of a case, written back before it returns. @param model the tree on tmpfs
 * @param old the model with one byte more in every file, on tmpfs
 */
export function prepare({ across, replaces }: Case, model: string, old: string, place: string): Trees {
  // Initialised at once: ext4 else goes on writing its tables in the background while the clock runs.
  makeLoopFs('ext4', 1536, place, { mkfs: ['-E', 'lazy_itable_init=0,lazy_journal_init=0', '-N', '100000'] });
  const root = join(place, 'root');
  mkdirSync(root);
  if (replaces) copyTree(old, root);
  const image = across ? model : join(place, 'image');
  if (!across) {
    mkdirSync(image);
    copyTree(model, image);
  }
  execFileSync('sync', ['-f', place]);
  return { image, root, [Symbol.dispose]: () => unmount(place) };
}

export function copyTree(from: string, to: string): void {
  execFileSync('cp', ['-a', `${from}/.`, to]);
}

/** One byte more in each regular file: nothing below `top` is what it was. By a shell, for names that are no text. */
export function outdate(top: string): void {
  const append = 'for file; do printf x >> "$file"; done';
  execFileSync('find', [top, '-type', 'f', '-exec', 'sh', '-c', append, 'sh', '{}', '+']);
}
