import type { Bytes } from '@emplace/syscalls';
import { isRegistered } from './binfmt-misc.ts';

/** How much of a file tells its format; ELF program headers lie well within. */
export const HEAD_BYTES = 4096;
/** Of a `#!` line the kernel sees so much (include/uapi/linux/binfmts.h, BINPRM_BUF_SIZE). */
const LINE_BYTES = 256;

/** e_machine of what each architecture's kernel runs: its own, and the 32-bit one (include/uapi/linux/elf-em.h). */
const MACHINES: Readonly<Record<string, readonly number[]>> = { x64: [62, 3], arm64: [183, 40] };
const PT_INTERP = 3;
const ET_EXEC = 2;
const ET_DYN = 3;

export type Format =
  /** `interpreter` may be a path from the working directory. */
  | { readonly kind: 'script'; readonly interpreter: Bytes }
  /** `interpreter` is the dynamic loader, which the file need not have. */
  | { readonly kind: 'elf'; readonly interpreter?: Bytes }
  | { readonly kind: 'registered' };

/** As which the kernel will run a file, from its first bytes; undefined when exec will say ENOEXEC. */
export function formatOf(head: Buffer, path: Bytes): Format | undefined {
  const format = head.toString('latin1', 0, 2) === '#!' ? script(head) : elf(head);
  return format ?? (isRegistered(head, path) ? { kind: 'registered' } : undefined);
}

/** As fs/binfmt_script.c reads it: a path that may have been cut off is none, but an empty one before a NUL is one. */
function script(head: Buffer): Format | undefined {
  const line = head.toString('latin1', 2, LINE_BYTES) + (head.byteLength < LINE_BYTES ? '\0' : '');
  const path = /^[ \t]*([^ \t\0\n]+(?=[ \t\0\n])|(?=\0))/.exec(line)?.[1];
  return path === undefined ? undefined : { kind: 'script', interpreter: path as Bytes };
}

/** See elf(5). Both architectures are little-endian; where the loader of a 32-bit program stands is not looked up. */
function elf(head: Buffer): Format | undefined {
  if (head.byteLength < 64 || head.latin1Slice(0, 4) !== '\x7fELF') return undefined;
  const type = head.readUInt16LE(16);
  if (!MACHINES[process.arch]?.includes(head.readUInt16LE(18)) || (type !== ET_EXEC && type !== ET_DYN))
    return undefined;
  const path = head[4] === 2 ? loader(head) : undefined;
  return { kind: 'elf', ...(path !== undefined && { interpreter: path }) };
}

function loader(head: Buffer): Bytes | undefined {
  const start = Number(head.readBigUInt64LE(32));
  const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let at = start; at < start + size * count && at + 56 <= head.byteLength; at += size) {
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const path = Number(head.readBigUInt64LE(at + 8));
    const end = path + Number(head.readBigUInt64LE(at + 32));
    // What lies further in is left to the kernel.
    return end > head.byteLength ? undefined : (head.latin1Slice(path, end).split('\0', 1)[0] as Bytes);
  }
  return undefined;
}
