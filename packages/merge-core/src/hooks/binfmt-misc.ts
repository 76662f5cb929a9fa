import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bytes } from '@emplace/syscalls';

/** Where the kernel lists what it was told to run by an interpreter: foreign programs by an emulator, say. */
const REGISTERED = '/proc/sys/fs/binfmt_misc';

/**
 * Whether the kernel was told how to run such a file. See Documentation/admin-guide/binfmt-misc.rst.
 * @param head the first bytes of the file
 * @param directory where a binfmt_misc file system is mounted
 */
export function isRegistered(head: Buffer, path: Bytes, directory: string = REGISTERED): boolean {
  const texts = readAll(directory);
  if (!texts.get('status')?.startsWith('enabled')) return false;
  for (const [name, text] of texts) if (name !== 'status' && matches(text, head, path)) return true;
  return false;
}

/** Nothing where it is not mounted, or not for us. */
function readAll(directory: string): Map<string, string> {
  try {
    const names = readdirSync(directory).filter((name) => name !== 'register');
    return new Map(names.map((name) => [name, readFileSync(join(directory, name), 'latin1')]));
  } catch {
    return new Map();
  }
}

function matches(text: string, head: Buffer, path: Bytes): boolean {
  const [state, ...lines] = text.split('\n');
  const field = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  if (state !== 'enabled') return false;
  const extension = field('extension');
  if (extension !== undefined) return path.slice(path.lastIndexOf('.')) === extension;
  const magic = Buffer.from(field('magic') ?? '', 'hex');
  const mask = Buffer.from(field('mask') ?? '', 'hex');
  const offset = Number(field('offset'));
  return magic.byteLength > 0 && magic.every((byte, i) => (((head[offset + i] ?? 0) ^ byte) & (mask[i] ?? 0xff)) === 0);
}
