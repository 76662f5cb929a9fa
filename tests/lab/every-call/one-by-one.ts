import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';

/** Renames each file of an image onto its name in the root, as it comes: with no plan, no way back, and nobody to close what is open when a call fails. */
export function placeOneByOne({ image, root }: { image: string; root: string }, fs: FsPort): void {
  const [from, to] = [fs.openRoot(toBytes(image)), fs.openRoot(toBytes(root))];
  walk(from, to, fs);
  fs.closeDir(from);
  fs.closeDir(to);
}

function walk(from: DirHandle, to: DirHandle, fs: FsPort): void {
  for (const { name } of fs.list(from)) {
    if (fs.stat(from, name)?.type !== 'directory') fs.rename(from, name, to, name);
    else if (fs.stat(to, name) === undefined) fs.rename(from, name, to, name);
    else {
      const [below, above] = [fs.openDir(from, name), fs.openDir(to, resolved(to, name, fs))];
      walk(below, above, fs);
      fs.closeDir(below);
      fs.closeDir(above);
    }
  }
}

/** As `mv` would go: through a symlink. */
function resolved(to: DirHandle, name: Bytes, fs: FsPort): Bytes {
  return fs.stat(to, name)?.type === 'symlink' ? fs.readlink(to, name) : ascii(name);
}
