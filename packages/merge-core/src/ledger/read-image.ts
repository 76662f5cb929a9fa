import type { Bytes } from '@emplace/syscalls';
import { splitPath } from '../paths.ts';
import type { Steps } from '../steps.ts';
import type { SharedWork } from '../threads/shared-work.ts';
import type { ImageEntry } from './image-list.ts';
import type { ImageContent } from './read-entry.ts';

/** By path below the image. */
export type ImageContents = ReadonlyMap<Bytes, ImageContent>;

/** Reads each file of the image once, whatever the number of its names. Before anything of it is moved. */
export function* readImage(entries: readonly ImageEntry[], work: SharedWork): Steps<ImageContents> {
  const contents = new Map<Bytes, ImageContent>();
  /** Paths of one inode. */
  const links = new Map<string, Bytes[]>();
  for (const { path, stat } of entries) {
    const key = stat.nlink > 1 && stat.type !== 'directory' ? `${stat.dev}:${stat.ino}` : undefined;
    const first = key === undefined ? undefined : links.get(key);
    if (first !== undefined) {
      first.push(path);
    } else {
      const paths = [path];
      if (key !== undefined) links.set(key, paths);
      const { parent: directory, name } = splitPath(path);
      work.share('read', { directory, name, isFile: stat.type === 'file' }, stat.size, (content) => {
        contents.set(path, content);
      });
    }
    yield 'stoppable';
  }
  yield* work.finish();
  for (const [path = '' as Bytes, ...more] of links.values()) {
    const content = contents.get(path) as ImageContent;
    for (const other of more) contents.set(other, content);
  }
  return contents;
}
