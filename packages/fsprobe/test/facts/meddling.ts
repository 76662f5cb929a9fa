import { chownSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { type Bytes, toBytes } from '@emplace/syscalls';
import { linuxPort } from '../../src/fs/linux.ts';

/** Neither root nor anybody who runs tests. */
export const NEIGHBOUR = 65534;

/** The port of this system, in which something happens to each directory right after it was made. */
export function meddling(after: (name: string) => void): FsPort {
  const fs = linuxPort();
  const mkdir = (at: DirHandle, name: Bytes, mode: number): void => {
    fs.mkdir(at, name, mode);
    after(name);
  };
  return Object.assign(Object.create(fs) as FsPort, { mkdir });
}

/** Has a directory of the neighbour's, with a file in it, change names with `path`, once. */
export function swapOnce(place: string): (name: string) => void {
  return (name) => {
    const theirs = join(place, 'theirs');
    if (existsSync(theirs) || !name.startsWith('bench')) return;
    mkdirSync(theirs, { mode: 0o777 });
    writeFileSync(join(theirs, 'precious'), '');
    chownSync(theirs, NEIGHBOUR, NEIGHBOUR);
    renameSync(join(place, name), join(place, 'moved-away'));
    renameSync(theirs, join(place, name));
    mkdirSync(theirs);
  };
}

export function open(path: string, fs: FsPort): Disposable & { readonly dir: DirHandle } {
  const dir = fs.openRoot(toBytes(path));
  return { dir, [Symbol.dispose]: () => fs.closeDir(dir) };
}
