import type { DirHandle, EntryType, FileHandle, FsPort, Timestamp } from '@emplace/fsprobe';
import { ascii, type Bytes, show } from '@emplace/syscalls';
import { type MemoryOptions, type MemoryPort, memoryPort } from '../../src/fs/memory.ts';
import { HERE, join } from '../../src/paths.ts';

/** One entry of a small tree, written down by hand. */
export interface Entry {
  readonly path: string;
  readonly type?: EntryType;
  /** File content or symlink target. */
  readonly content?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: Timestamp;
  readonly xattrs?: Readonly<Record<string, string>>;
  /** An earlier path: this one is a hard link to it. */
  readonly link?: string;
}

/** Builds entries below `top` (absolute) with nothing but the port's own calls, so that one world serves every port. */
export function build(fs: FsPort, top: Bytes, entries: readonly Entry[]): void {
  const base = fs.openRoot(top);
  for (const entry of entries) make(fs, base, entry);
  // Every new name touches its directory: times of directories come last.
  for (const { path, type, mtime } of [...entries].reverse()) {
    if (type === 'directory') setTime(fs, base, ascii(path), mtime ?? { sec: 1_600_000_000, nsec: 5 });
  }
  fs.closeDir(base);
}

function setTime(fs: FsPort, base: DirHandle, path: Bytes, mtime: Timestamp): void {
  const pinned = fs.pin(base, path);
  fs.setTimes(pinned, mtime);
  fs.closeFile(pinned);
}

function make(fs: FsPort, base: DirHandle, entry: Entry): void {
  const slash = entry.path.lastIndexOf('/');
  const dir = fs.openDir(base, ascii(entry.path.slice(0, Math.max(slash, 0))));
  const name = ascii(entry.path.slice(slash + 1));
  if (entry.link !== undefined) {
    const at = entry.link.lastIndexOf('/');
    const from = fs.openDir(base, ascii(entry.link.slice(0, Math.max(at, 0))));
    fs.link(from, ascii(entry.link.slice(at + 1)), dir, name);
    fs.closeDir(from);
    fs.closeDir(dir);
    return;
  }
  const type = entry.type ?? 'file';
  let file: FileHandle;
  if (type === 'file') {
    file = fs.createFile(dir, name, 0o600);
    fs.write(file, Buffer.from(entry.content ?? entry.path));
  } else {
    if (type === 'directory') fs.mkdir(dir, name, 0o700);
    else if (type === 'symlink') fs.symlink(dir, name, ascii(entry.content ?? 'nowhere'));
    else if (type !== 'socket') fs.mknod(dir, name, type, 0o600, type === 'fifo' ? 0 : 0x0103);
    file = fs.pin(dir, name);
  }
  fs.chown(file, entry.uid ?? 0, entry.gid ?? 0);
  if (type !== 'symlink') fs.chmod(file, entry.mode ?? (type === 'directory' ? 0o755 : 0o644));
  for (const [key, value] of Object.entries(entry.xattrs ?? {})) fs.setXattr(file, ascii(key), Buffer.from(value));
  fs.setTimes(file, entry.mtime ?? { sec: 1_500_000_000, nsec: 123_456_789 });
  fs.closeFile(file);
  fs.closeDir(dir);
}

/**
 * Everything about a tree that a merge must get right, one line an entry, sorted. Hard links show the first path of
 * their group. Times of directories are left out where `directoryTimes` is false.
 */
export function picture(fs: FsPort, top: Bytes, directoryTimes = true): string[] {
  const base = fs.openRoot(top);
  const lines: string[] = [];
  const groups = new Map<bigint, string>();
  const pending: Bytes[] = [HERE];
  const paths: Bytes[] = [];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const dir = fs.openDir(base, path);
    for (const { name } of fs.list(dir)) {
      const below = join(path, name);
      paths.push(below);
      if (fs.stat(dir, name)?.type === 'directory') pending.push(below);
    }
    fs.closeDir(dir);
  }
  for (const path of paths.sort()) lines.push(describe(fs, base, path, groups, directoryTimes));
  fs.closeDir(base);
  return lines;
}

function describe(
  fs: FsPort,
  base: DirHandle,
  path: Bytes,
  groups: Map<bigint, string>,
  directoryTimes: boolean,
): string {
  const slash = path.lastIndexOf('/');
  const dir = fs.openDir(base, path.slice(0, Math.max(slash, 0)) as Bytes);
  const name = path.slice(slash + 1) as Bytes;
  const stat = fs.stat(dir, name);
  if (stat === undefined) throw new Error(`${path} vanished`);
  const pinned = stat.type === 'file' ? fs.openFile(dir, name) : fs.pin(dir, name);
  const xattrs = [...fs.xattrs(pinned)].map(([key, value]) => `${key}=${value}`).sort();
  const parts = [show(path), stat.type, stat.mode.toString(8), `${stat.uid}:${stat.gid}`, xattrs.join(',')];
  if (stat.type !== 'directory' || directoryTimes) parts.push(`${stat.mtime.sec}.${stat.mtime.nsec}`);
  if (stat.type === 'file') {
    const buffer = Buffer.alloc(stat.size + 1);
    parts.push(JSON.stringify(buffer.toString('latin1', 0, fs.read(pinned, buffer))));
    if (stat.nlink > 1) {
      if (!groups.has(stat.ino)) groups.set(stat.ino, show(path));
      parts.push(`linked to ${groups.get(stat.ino)} (${stat.nlink})`);
    }
  }
  if (stat.type === 'symlink') parts.push(`-> ${show(fs.readlink(dir, name))}`);
  if (stat.type === 'char' || stat.type === 'block') parts.push(`rdev ${stat.rdev}`);
  fs.closeFile(pinned);
  fs.closeDir(dir);
  return parts.join(' ');
}

export const IMAGE: Bytes = ascii('/image');
export const ROOT: Bytes = ascii('/root');

/** A root with `old` and an image with `fresh`, both in memory. */
export function world(old: readonly Entry[], fresh: readonly Entry[], memory: MemoryOptions = {}): MemoryPort {
  const fs = memoryPort(memory);
  const top = fs.openRoot(ascii('/'));
  for (const name of ['image', 'root']) if (fs.stat(top, ascii(name)) === undefined) fs.mkdir(top, ascii(name), 0o755);
  fs.closeDir(top);
  build(fs, ROOT, old);
  build(fs, IMAGE, fresh);
  return fs;
}

/** Version 1 of a package, in the root. */
export const oldTree: readonly Entry[] = [
  { path: 'bin', type: 'directory' },
  { path: 'bin/tool', content: 'old tool', mode: 0o755 },
  { path: 'bin/suid', content: 'old suid', mode: 0o4755 },
  { path: 'bin/alias', type: 'symlink', content: 'tool' },
  { path: 'etc', type: 'directory' },
  { path: 'etc/conf', content: 'a=1', uid: 7, gid: 8 },
  { path: 'lib', type: 'directory', mode: 0o750 },
  { path: 'lib/libx.so.1', content: 'old lib' },
  { path: 'lib64', type: 'symlink', content: 'lib' },
  { path: 'share', type: 'directory' },
  { path: 'share/same', content: 'same' },
  { path: 'share/touched', content: 'touched', mtime: { sec: 1_400_000_000, nsec: 1 } },
  { path: 'share/data', content: 'old data', xattrs: { 'user.k': 'old' } },
  { path: 'share/pair1', content: 'old pair' },
  { path: 'share/pair2', link: 'share/pair1' },
  { path: 'share/mine', content: 'not of this package' },
  { path: 'share/becomes-link', content: 'a file' },
  { path: 'share/becomes-file', type: 'symlink', content: 'data' },
  { path: 'share/pipe', type: 'fifo' },
];

/** Version 2, the image: every kind of decision that needs no `replaceTypes`. */
export const newTree: readonly Entry[] = [
  { path: 'bin', type: 'directory' },
  { path: 'bin/tool', content: 'new tool', mode: 0o755 },
  { path: 'bin/suid', content: 'new suid', mode: 0o4755 },
  { path: 'bin/alias', type: 'symlink', content: 'suid' },
  { path: 'etc', type: 'directory' },
  { path: 'etc/conf', content: 'a=2', uid: 7, gid: 8 },
  { path: 'lib64', type: 'directory' },
  { path: 'lib64/libx.so.1', content: 'new lib' },
  { path: 'lib64/libx.so', type: 'symlink', content: 'libx.so.1' },
  { path: 'share', type: 'directory' },
  { path: 'share/same', content: 'same' },
  { path: 'share/touched', content: 'touched' },
  { path: 'share/data', content: 'new data', xattrs: { 'user.k': 'new' } },
  { path: 'share/pair1', content: 'new pair' },
  { path: 'share/pair2', link: 'share/pair1' },
  { path: 'share/becomes-link', type: 'symlink', content: 'data' },
  { path: 'share/becomes-file', content: 'a file now' },
  { path: 'share/pipe', content: 'a file now, no pipe' },
  { path: 'share/null', type: 'char', mode: 0o666 },
  { path: 'opt', type: 'directory', mode: 0o711 },
  { path: 'opt/pkg', type: 'directory' },
  { path: 'opt/pkg/one', content: 'one', mode: 0o755 },
  { path: 'opt/pkg/two', link: 'opt/pkg/one' },
  { path: 'opt/pkg/deep', type: 'directory' },
  { path: 'opt/pkg/deep/er', content: 'deeper' },
  { path: 'partly', type: 'directory' },
  { path: 'partly/kept', content: 'kept' },
  { path: 'partly/left-out', content: 'excluded' },
  { path: 'partly/sub', type: 'directory' },
  { path: 'partly/sub/x', content: 'x' },
];

/** What newTree has more where directories and others may change places. */
export const swapsOld: readonly Entry[] = [
  { path: 'was-dir', type: 'directory' },
  { path: 'was-dir/inner', content: 'inner', mode: 0o4755 },
  { path: 'was-empty', type: 'directory' },
  { path: 'was-file', content: 'was a file' },
  { path: 'was-link', type: 'symlink', content: 'nowhere' },
];

export const swapsNew: readonly Entry[] = [
  { path: 'was-dir', content: 'now a file' },
  { path: 'was-empty', type: 'symlink', content: 'bin' },
  { path: 'was-file', type: 'directory' },
  { path: 'was-file/now', content: 'in a directory' },
  { path: 'was-link', type: 'directory' },
];
