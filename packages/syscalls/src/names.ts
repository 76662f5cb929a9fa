/** Calls that change names. None is repeated after EINTR: see `interrupted` in errno.ts. */
import type { Bytes } from './bytes.ts';
import { failed, interrupted } from './errno.ts';
import { native } from './native.ts';
import { first, PATH_MAX, type PathArgument, second } from './path.ts';

const linkTarget = Buffer.allocUnsafeSlow(PATH_MAX);

/** Renames, replacing a target that may be replaced. See renameat(2). */
export function renameat(from: number, source: PathArgument, to: number, target: PathArgument): void {
  const status = native().renameat(from, first(source, 'renameat'), to, second(target, 'renameat'));
  if (status === -1) throw failed('renameat', source, target);
}

/**
 * As renameat, with RENAME_NOREPLACE (EEXIST) or RENAME_EXCHANGE. See renameat2(2).
 * @throws SyscallError EINVAL where the file system does not know the flag
 */
export function renameat2(from: number, source: PathArgument, to: number, target: PathArgument, flags: number): void {
  const status = native().renameat2(from, first(source, 'renameat2'), to, second(target, 'renameat2'), flags);
  if (status === -1) throw failed('renameat2', source, target);
}

/**
 * A second name for a non-directory. See linkat(2).
 * @param flags 0, AT_SYMLINK_FOLLOW, or AT_EMPTY_PATH to name what `from` holds
 */
export function linkat(from: number, source: PathArgument, to: number, target: PathArgument, flags = 0): void {
  const status = native().linkat(from, first(source, 'linkat'), to, second(target, 'linkat'), flags);
  if (status === -1) throw failed('linkat', source, target);
}

/** Removes a name; with AT_REMOVEDIR an empty directory. See unlinkat(2). */
export function unlinkat(dir: number, path: PathArgument, flags = 0): void {
  if (native().unlinkat(dir, first(path, 'unlinkat'), flags) === -1) throw failed('unlinkat', path);
}

/** Makes `path` a symlink that says `target`, 1 to 4,095 bytes. See symlinkat(2). */
export function symlinkat(target: PathArgument, dir: number, path: PathArgument): void {
  const status = native().symlinkat(first(target, 'symlinkat'), dir, second(path, 'symlinkat'));
  if (status === -1) throw failed('symlinkat', target, path);
}

/** What a symlink says; `''` reads the one that `dir` itself holds (O_PATH | O_NOFOLLOW). See readlinkat(2). */
export function readlinkat(dir: number, path: PathArgument): Bytes {
  const name = first(path, 'readlinkat');
  let length: number;
  do length = native().readlinkat(dir, name, linkTarget, linkTarget.byteLength);
  while (length === -1 && interrupted());
  if (length === -1) throw failed('readlinkat', path);
  return linkTarget.latin1Slice(0, length) as Bytes;
}

/** Makes a directory; the umask cuts `mode`. See mkdirat(2). */
export function mkdirat(dir: number, path: PathArgument, mode: number): void {
  if (native().mkdirat(dir, first(path, 'mkdirat'), mode) === -1) throw failed('mkdirat', path);
}

/**
 * Makes a FIFO, socket, device node or empty file. See mknodat(2).
 * @param mode S_IF* type and permission bits, the latter cut by the umask
 * @param dev makedev(3) number for a device node, else 0
 */
export function mknodat(dir: number, path: PathArgument, mode: number, dev: number): void {
  if (native().mknodat(dir, first(path, 'mknodat'), mode, dev) === -1) throw failed('mknodat', path);
}
