/** Trees written and read with nothing but the calls of a port, so that one description serves memory and disks. */
import type { DirHandle, EntryType, FileHandle, FsPort } from '@emplace/merge-core';
import { type Bytes, toBuffer } from '@emplace/syscalls';
import type { Entry } from './world.ts';

/** One entry, as far as a merge has to get it right. `ANY` where nothing is specified. */
export interface Node {
  readonly type: EntryType;
  readonly mode: number;
  readonly owner: string;
  readonly time: string;
  /** Content, target or device. */
  readonly body: string;
  /** Where a file has data. */
  readonly data: string;
  readonly xattrs: string;
  /** The same text, the same inode. */
  readonly inode: string;
}

/** By path; the top itself is `''`. */
export type Tree = ReadonlyMap<string, Node>;

export const ANY = 'whatever';
export const ANY_MODE = -1;
const BLOCK = 4096;

export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Writes entries below `top` (absolute, empty). @param makeSocket as bind(2) */
export function build(fs: FsPort, top: string, entries: readonly Entry[], makeSocket: (path: string) => void): void {
  const base = fs.openRoot(top as Bytes);
  for (const entry of entries) make(fs, base, entry, () => makeSocket(`${top}/${entry.path}`));
  // A directory's own attributes come last: names in it touch its time, and who is not root could not even enter it.
  for (const entry of entries.toReversed()) {
    if (entry.type === 'directory') withHandle(fs, base, entry.path, (file) => setAttributes(fs, file, entry));
  }
  fs.closeDir(base);
}

function make(fs: FsPort, base: DirHandle, entry: Entry, makeSocket: () => void): void {
  const dir = fs.openDir(base, parentOf(entry.path) as Bytes);
  const name = nameOf(entry.path) as Bytes;
  if (entry.link !== undefined) {
    const from = fs.openDir(base, parentOf(entry.link) as Bytes);
    fs.link(from, nameOf(entry.link) as Bytes, dir, name);
    fs.closeDir(from);
  } else {
    if (entry.type === 'file') writeFile(fs, dir, name, entry);
    else if (entry.type === 'directory') fs.mkdir(dir, name, 0o700);
    else if (entry.type === 'symlink') fs.symlink(dir, name, (entry.content ?? '') as Bytes);
    else if (entry.type === 'socket') makeSocket();
    else fs.mknod(dir, name, entry.type, 0o600, entry.type === 'fifo' ? 0 : 0x0103);
    if (entry.type !== 'directory') withHandle(fs, dir, name, (file) => setAttributes(fs, file, entry));
  }
  fs.closeDir(dir);
}

function writeFile(fs: FsPort, dir: DirHandle, name: Bytes, { content = '', hole = 0 }: Entry): void {
  const file = fs.createFile(dir, name, 0o600);
  fs.write(file, toBuffer(content as Bytes), hole * BLOCK);
  fs.truncate(file, hole * BLOCK + content.length);
  fs.closeFile(file);
}

function withHandle(fs: FsPort, dir: DirHandle, path: string, act: (file: FileHandle) => void): void {
  const parent = fs.openDir(dir, parentOf(path) as Bytes);
  const file = fs.pin(parent, nameOf(path) as Bytes);
  act(file);
  fs.closeFile(file);
  fs.closeDir(parent);
}

function setAttributes(
  fs: FsPort,
  file: FileHandle,
  { type, mode = 0o755, owner = 0, time = [0, 0], xattrs = {} }: Entry,
): void {
  fs.chown(file, owner, owner);
  if (type !== 'symlink') fs.chmod(file, mode);
  for (const [key, value] of Object.entries(xattrs)) fs.setXattr(file, key as Bytes, toBuffer(value as Bytes));
  fs.setTimes(file, { sec: time[0], nsec: time[1] });
}

/** All that lies at and below `top` (absolute). */
export function look(fs: FsPort, top: string): Tree {
  const tree = new Map<string, Node>();
  const base = fs.openRoot(top as Bytes);
  tree.set('', describe(fs, base, '' as Bytes));
  const pending = [''];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const dir = fs.openDir(base, path as Bytes);
    for (const { name } of fs.list(dir)) {
      const below = path === '' ? name : `${path}/${name}`;
      const node = describe(fs, dir, name);
      tree.set(below, node);
      if (node.type === 'directory') pending.push(below);
    }
    fs.closeDir(dir);
  }
  fs.closeDir(base);
  return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function describe(fs: FsPort, dir: DirHandle, name: Bytes): Node {
  const stat = fs.stat(dir, name);
  if (stat === undefined) throw new Error(`${name} vanished`);
  const { type, mode, uid, gid, mtime, rdev, dev, ino } = stat;
  const file = type === 'file' ? fs.openFile(dir, name) : fs.pin(dir, name);
  const xattrs = Array.from(fs.xattrs(file), ([key, value]) => `${key}=${value.toString('hex')}`).sort();
  let body =
    type === 'symlink' ? (fs.readlink(dir, name) as string) : type === 'char' || type === 'block' ? `${rdev}` : '';
  let data = '';
  if (type === 'file') {
    const buffer = Buffer.alloc(stat.size + 1);
    body = buffer.toString('latin1', 0, fs.read(file, buffer));
    for (let at = fs.nextData(file, 0); at !== undefined; at = fs.nextData(file, at.end))
      data += `${at.start}-${at.end} `;
  }
  fs.closeFile(file);
  const time = `${mtime.sec}.${mtime.nsec}`;
  return { type, mode, owner: `${uid}:${gid}`, time, body, data, xattrs: xattrs.join(), inode: `${dev}:${ino}` };
}

/** What one tree has otherwise than specified, an entry a line. @param split hard links may have become separate files */
export function differences(specified: Tree, found: Tree, split = false): string[] {
  const lines: string[] = [];
  for (const path of new Set([...specified.keys(), ...found.keys()])) {
    const [wanted, has] = [specified.get(path), found.get(path)];
    if (wanted === undefined || has === undefined) {
      lines.push(
        `${JSON.stringify(path)}: ${wanted === undefined ? `a ${has?.type} that should not be` : `no ${wanted.type}`}`,
      );
      continue;
    }
    for (const key of ['type', 'mode', 'owner', 'time', 'body', 'data', 'xattrs'] as const) {
      if (wanted[key] === has[key] || wanted[key] === ANY || wanted[key] === ANY_MODE) continue;
      lines.push(
        `${JSON.stringify(path)}: ${key} ${JSON.stringify(has[key]).slice(0, 60)} in place of ${JSON.stringify(wanted[key]).slice(0, 60)}`,
      );
    }
  }
  if (split) return lines;
  const shared = new Set([...specified].filter(([, { inode }]) => inode === ANY).map(([path]) => path));
  const [wanted, has] = [groups(specified, shared), groups(found, shared)];
  for (const group of wanted) if (!has.has(group)) lines.push(`not one inode: ${group}`);
  for (const group of has) if (!wanted.has(group)) lines.push(`one inode: ${group}`);
  return lines;
}

/** The names of each inode that has several. */
function groups(tree: Tree, without: ReadonlySet<string>): Set<string> {
  const members = new Map<string, string[]>();
  for (const [path, { inode, type }] of tree) {
    if (type !== 'directory' && !without.has(path)) members.set(inode, [...(members.get(inode) ?? []), path]);
  }
  return new Set(
    [...members.values()].filter((paths) => paths.length > 1).map((paths) => JSON.stringify(paths.sort())),
  );
}
