import type { Timestamp, Xattrs } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { explain } from '../errors.ts';
import { portable } from '../strategy/attributes.ts';
import type { Made } from '../strategy/make-entry.ts';
import type { Workplace } from '../threads/tasks.ts';
import { type Digests, digestHandle } from './digests.ts';
import { recordXattrs } from './record.ts';

/** An entry of the image that is to be read. */
export interface ReadEntry {
  /** Below the image. */
  readonly directory: Bytes;
  readonly name: Bytes;
  /** A regular file. */
  readonly isFile: boolean;
}

/** What was read of it. */
export interface ImageContent {
  /** Of a regular file. */
  readonly digests?: Digests;
  /** As a record has them; undefined: none. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Of what was copied, where somebody may have written to it since the image was listed: of a file, bytes. */
  readonly size?: number;
  readonly mtime?: Timestamp;
}

/** @throws MergeError IMAGE_UNREADABLE */
export function readEntry({ directory, name, isFile }: ReadEntry, at: Workplace): ImageContent {
  const { fs, image, digests, buffer } = at;
  if (image === undefined) throw new Error('bug: there is no image to read');
  try {
    const dir = image.at(directory);
    const handle = isFile ? fs.openFile(dir, name) : fs.pin(dir, name);
    try {
      const xattrs = portable(fs.xattrs(handle));
      return { ...recorded(xattrs), ...(isFile && { digests: digestHandle(handle, digests, buffer, fs).digests }) };
    } finally {
      fs.closeFile(handle);
    }
  } catch (error) {
    throw explain(error, 'IMAGE_UNREADABLE', 'the image cannot be read');
  }
}

/** The same of an entry of which a second one was made; undefined: not all of it was read for that. */
export function madeContent(made: Made | undefined, isFile: boolean): ImageContent | undefined {
  if (made === undefined || (isFile && made.digests === undefined)) return undefined;
  const { xattrs, digests, size, mtime } = made;
  return {
    ...recorded(xattrs),
    ...(isFile && digests && { digests }),
    ...(isFile && size !== undefined && { size }),
    ...(mtime && { mtime }),
  };
}

function recorded(xattrs: Xattrs): Pick<ImageContent, 'xattrs'> {
  return xattrs.size === 0 ? {} : { xattrs: recordXattrs(xattrs) };
}
