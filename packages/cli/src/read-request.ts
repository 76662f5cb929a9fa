import { createReadStream } from 'node:fs';
import { MergeError, REQUEST_BYTES_MAX, type RequestDocument, readRequest } from '@emplace/merge-core';
import { show, toBytes } from '@emplace/syscalls';

/**
 * @param path of a file; `-` is standard input
 * @throws MergeError REQUEST_INVALID, and what readRequest throws
 */
export async function readRequestAt(path: string): Promise<RequestDocument> {
  return await readRequest(await readAll(path));
}

/** All of it, or as much as makes it too long. */
async function readAll(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of path === '-' ? process.stdin : createReadStream(path)) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > REQUEST_BYTES_MAX) break;
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    const where = path === '-' ? 'on standard input' : `in \`${show(toBytes(path))}\``;
    throw new MergeError('REQUEST_INVALID', `the request ${where} cannot be read (${code})`, { cause });
  }
  return Buffer.concat(chunks);
}
