import type { EntryType, FsPort } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, isWithin, splitPath } from '../paths.ts';
import { resolvePath, statAt } from './resolve-path.ts';

/** One entry of CONFIG_PROTECT or CONFIG_PROTECT_MASK that counts. */
export interface ProtectEntry {
  /** Below the root, clean, without a leading slash. */
  readonly path: Bytes;
  /** A directory stands for itself and all below it, anything else for itself alone. */
  readonly isDirectory: boolean;
}

/** What is known of an entry that may be protected: size in bytes. */
export interface Protectable {
  readonly type: EntryType;
  readonly size: number;
}

/**
 * CONFIG_PROTECT and its mask (docs/PORTAGE.md, F.1 and F.2): of all entries that hold a path the longest decides, and the
 * mask where both have the same.
 */
export class ConfigProtect {
  readonly #entries = new Map<Bytes, { readonly isDirectory: boolean; readonly protects: boolean }>();

  /** Entries that do not count are left out by the caller: see {@link readConfigProtect}. */
  constructor(protect: readonly ProtectEntry[], mask: readonly ProtectEntry[]) {
    for (const { path, isDirectory } of protect) this.#entries.set(path, { isDirectory, protects: true });
    for (const { path, isDirectory } of mask) this.#entries.set(path, { isDirectory, protects: false });
  }

  /** Whether a file or symlink at `path` is changed only by offering an update beside it. Directories and special files never are. */
  isProtected(path: Bytes, { type, size }: Protectable): boolean {
    if (type !== 'file' && type !== 'symlink') return false;
    // Keeps an empty directory; nobody configures anything in it.
    if (type === 'file' && size === 0 && path.startsWith('.keep', path.lastIndexOf('/') + 1)) return false;
    return this.covers(path);
  }

  /** Whether anything at or below `path` may be protected. */
  concerns(path: Bytes): boolean {
    if (this.covers(path)) return true;
    for (const [entry, { protects }] of this.#entries) if (protects && isWithin(entry, path)) return true;
    return false;
  }

  /** Whether the lists hold `path`, whatever is there. */
  covers(path: Bytes): boolean {
    if (this.#entries.size === 0) return false;
    for (let at = path; ; at = splitPath(at).parent) {
      const entry = this.#entries.get(at);
      if (entry !== undefined && (at === path || entry.isDirectory)) return entry.protects;
      if (at === HERE) return false;
    }
  }
}

/**
 * Looks which entries count in the root as it is now: one of CONFIG_PROTECT when the directory that would hold it is there (so
 * that a file which the administrator removed stays protected), one of the mask when it is there itself.
 * @param protect,mask absolute paths in the root or relative to it; they may end with a slash
 */
export function readConfigProtect(
  protect: readonly Bytes[],
  mask: readonly Bytes[],
  fs: FsPort,
  root: OpenDirectories,
): ConfigProtect {
  const holds = (path: Bytes) => isDirectory(path, fs, root, true);
  return new ConfigProtect(
    protect
      .map(clean)
      .filter((path) => holds(splitPath(path).parent))
      .map((path) => ({ path, isDirectory: holds(path) })),
    mask
      .map(clean)
      .filter((path) => exists(path, fs, root))
      .map((path) => ({ path, isDirectory: isDirectory(path, fs, root, false) })),
  );
}

/** `..` is taken out as it is written, as Portage does. */
function clean(path: Bytes): Bytes {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/') as Bytes;
}

/** @param unsafe what to answer where a symlink must not be followed: what protects more */
function isDirectory(path: Bytes, fs: FsPort, root: OpenDirectories, unsafe: boolean): boolean {
  const found = resolvePath(path, fs, root);
  return 'code' in found ? unsafe : found.stat?.type === 'directory';
}

/** A symlink that leads nowhere is there. */
function exists(path: Bytes, fs: FsPort, root: OpenDirectories): boolean {
  const { parent, name } = splitPath(path);
  const found = resolvePath(parent, fs, root);
  if ('code' in found || found.stat?.type !== 'directory') return false;
  return statAt(found.path, name, fs, root) !== undefined;
}
