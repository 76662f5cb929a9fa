import type { Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { Strategy } from '../strategy/strategy.ts';
import type { UndoKind } from './model.ts';

/** What decides how an old entry is kept. */
export interface UndoChoice {
  readonly wanted: boolean;
  readonly links: boolean;
  /** Hard links can be made beside the target. */
  readonly linkable: boolean;
  /** RENAME_EXCHANGE works there. */
  readonly exchanges: boolean;
  /** FICLONE works on the target's file system. */
  readonly reflinks: () => boolean;
}

/**
 * How the old entry is kept until the merge is done.
 *
 * An exchange is cheapest and keeps the window short, yet it leaves the old inode under the staged name: a
 * process that runs or maps it would show that path (G9), so programs and libraries get a second name or a copy instead.
 */
export function undoKind(name: Bytes, old: Stat, rung: Strategy, choice: UndoChoice): UndoKind {
  if (old.type === 'directory') return 'exchange';
  if (!choice.wanted) return 'none';
  const running = mayRun(name, old);
  if (!running && rung.traits.staging !== 'in-image' && choice.exchanges) return 'exchange';
  if (choice.links && choice.linkable) return 'link';
  // A copy could bring the content back, but not the other names of the inode: all of the old tree counts more (G3).
  if ((!running || old.nlink > 1) && choice.exchanges) return 'exchange';
  return old.type === 'file' && choice.reflinks() ? 'reflink' : 'copy';
}

/** A process may run or map it as code: executable, or named like a shared library. */
export function mayRun(name: Bytes, stat: Pick<Stat, 'type' | 'mode'>): boolean {
  return stat.type === 'file' && ((stat.mode & 0o111) !== 0 || isLibrary(name));
}

/** `libz.so`, `libz.so.1.3`: Debian and others install libraries without the x bit. */
export function isLibrary(name: Bytes): boolean {
  return /\.so(?:\.|$)/.test(name);
}
