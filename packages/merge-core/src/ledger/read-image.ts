import type { Bytes } from '@emplace/syscalls';
import { splitPath } from '../paths.ts';
import type { Steps } from '../steps.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import type { ImageEntry } from './image-list.ts';
import type { ImageContent } from './read-entry.ts';

/** By path below the image. */
export type ImageContents = ReadonlyMap<Bytes, ImageContent>;

/**
 * Reads each file of the image once, whatever the number of its names. Before anything of it is moved.
 * @param isLater tells what is not read now @param contents what was read before stays, the rest is added
 */
export function* readImage(
  entries: readonly ImageEntry[],
  isLater: (path: Bytes) => boolean,
  contents: Map<Bytes, ImageContent>,
  work: SharedWork,
): Steps<void> {
  /** Paths of one inode. */
  const links = new Map<string, Bytes[]>();
  for (const { path, stat } of entries) {
    yield 'stoppable';
    const isDirectory = stat.type === 'directory';
    if (contents.has(path) || (!isDirectory && isLater(path))) continue;
    const key = stat.nlink > 1 && !isDirectory ? `${stat.dev}:${stat.ino}` : undefined;
    const first = key === undefined ? undefined : links.get(key);
    if (first !== undefined) {
      first.push(path);
      continue;
    }
    if (key !== undefined) links.set(key, [path]);
    const { parent: directory, name } = splitPath(path);
    work.share('read', { directory, name, isFile: stat.type === 'file' }, stat.size, (content) => {
      contents.set(path, content);
    });
  }
  yield* work.finish();
  for (const [path = '' as Bytes, ...more] of links.values()) {
    const content = contents.get(path) as ImageContent;
    for (const other of more) contents.set(other, content);
  }
}
