import type { FsPort } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { type MemoryPort, memoryPort } from '../../src/fs/memory.ts';
import { type ConfigAction, listConfigUpdates, settleConfigUpdates } from '../../src/index.ts';
import { build, type Entry, picture } from '../engine/world.ts';
import { readIn } from '../ledger/package-world.ts';

const ROOT: Bytes = ascii('/root');

const BASE = 'one\ntwo\nthree\nfour\nfive\nsix\n';
export const MINE = 'one\nTWO\nthree\nfour\nfive\nsix\n';
export const THEIRS = 'one\ntwo\nthree\nfour\nfive\nSIX\n';
export const MERGED = 'one\nTWO\nthree\nfour\nfive\nSIX\n';

/** A root with directories as Portage and the ledger have them, and what else it is to hold. */
export function configWorld(entries: readonly Entry[]): MemoryPort {
  const fs = memoryPort();
  const top = fs.openRoot(ascii('/'));
  fs.mkdir(top, ascii('root'), 0o755);
  fs.closeDir(top);
  const directories = ['etc', 'var', 'var/lib', 'var/lib/portage', 'var/lib/emplace', 'var/lib/emplace/pristine'];
  const all = [...directories, 'var/lib/emplace/pristine/etc'];
  build(fs, ROOT, [...all.map((path): Entry => ({ path, type: 'directory' })), ...entries]);
  return fs;
}

/** `etc/app.conf` that the administrator changed, two updates of it, and how it was shipped. */
export const edited: readonly Entry[] = [
  { path: 'etc/app.conf', content: MINE, mode: 0o640, uid: 7, gid: 8, xattrs: { 'user.mine': 'kept' } },
  { path: 'etc/._cfg0000_app.conf', content: 'obsolete\n' },
  { path: 'etc/._cfg0003_app.conf', content: THEIRS, mode: 0o600, uid: 1, gid: 2, xattrs: { 'user.theirs': 'new' } },
  { path: 'var/lib/emplace/pristine/etc/app.conf', content: BASE, mode: 0o600 },
];

export function list(fs: FsPort, options: { readonly configProtect?: readonly string[] } = {}) {
  return listConfigUpdates({ root: '/root', fs, ...options });
}

/** The same for the newest update of every file. */
export function settleAll(fs: FsPort, action: ConfigAction) {
  const decisions = list(fs).files.map((file) => ({ chosen: { file, update: newest(file) }, action }));
  return settleConfigUpdates({ root: '/root', fs }, decisions);
}

export function newest<T>({ updates }: { readonly updates: readonly [T, ...T[]] }): T {
  return updates.at(-1) ?? updates[0];
}

/** What a user sees of `etc`: type, mode, owner, xattrs, content of each entry. */
export function etc(fs: FsPort): string[] {
  return picture(fs, ROOT, false)
    .filter((line) => line.startsWith('etc/'))
    .map((line) => line.replace(/ \d{9,10}\.\d+/, ''));
}

/** As an editor that writes in place. */
export function edit(fs: FsPort, directory: string, name: string, content: string): void {
  const dir = fs.openRoot(ascii(`/root/${directory}`));
  const file = fs.openWritable(dir, ascii(name));
  fs.truncate(file, 0);
  fs.write(file, Buffer.from(content));
  fs.closeFile(file);
  fs.closeDir(dir);
}

export { readIn };
