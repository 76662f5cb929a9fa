import type { FsPort, Xattrs } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { explain } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { splitPath } from '../paths.ts';
import { readAttributes } from '../plan/attributes-of.ts';
import type { Steps } from '../steps.ts';
import { type DigestName, type Digests, fileDigester } from './digests.ts';
import type { ImageEntry } from './image-list.ts';

/** What was read of an entry of the image. */
interface ImageContent {
  /** Of a regular file. */
  readonly digests?: Digests;
  readonly xattrs: Xattrs;
}

/** By path below the image. */
export type ImageContents = ReadonlyMap<Bytes, ImageContent>;

/** Reads each file of the image once, whatever the number of its names. Before anything of it is moved. */
export function* readImage(
  entries: readonly ImageEntry[],
  names: readonly DigestName[],
  image: OpenDirectories,
  fs: FsPort,
): Steps<ImageContents> {
  const contents = new Map<Bytes, ImageContent>();
  const digest = fileDigester(names, fs);
  const byInode = new Map<string, ImageContent>();
  for (const { path, stat } of entries) {
    const key = stat.nlink > 1 && stat.type !== 'directory' ? `${stat.dev}:${stat.ino}` : undefined;
    const { parent, name } = splitPath(path);
    let content = key === undefined ? undefined : byInode.get(key);
    try {
      const dir = image.at(parent);
      content ??= {
        xattrs: readAttributes(dir, name, fs).xattrs,
        ...(stat.type === 'file' && { digests: digest(dir, name).digests }),
      };
    } catch (error) {
      throw explain(error, 'IMAGE_UNREADABLE', 'the image cannot be read');
    }
    if (key !== undefined) byInode.set(key, content);
    contents.set(path, content);
    yield 'stoppable';
  }
  return contents;
}
