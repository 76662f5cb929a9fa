declare const brand: unique symbol;

/**
 * A file name or path as the kernel has it: bytes, not text. One UTF-16 unit stands for one byte (latin1),
 * so it compares, sorts, concatenates and keys a Map as bytes do, at one byte of memory each.
 */
export type Bytes = string & { readonly [brand]: 'bytes' };

declare global {
  // Node has them and toString('latin1') calls one of them; @types/node leaves them out.
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
    latin1Slice(start?: number, end?: number): string;
    latin1Write(text: string, offset?: number, length?: number): number;
  }
}

/** What a user or a JSON document wrote (UTF-8 text), or a Buffer, as bytes. */
export function toBytes(text: string | Uint8Array): Bytes {
  const buffer =
    typeof text === 'string' ? Buffer.from(text, 'utf8') : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  return buffer.latin1Slice() as Bytes;
}

/** The raw bytes, for a file's content or another library. */
export function toBuffer(bytes: Bytes): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** A constant in the source (ASCII only) as bytes. */
export function ascii(text: string): Bytes {
  return text as Bytes;
}

/**
 * Bytes for a person to read: UTF-8 where it is valid; control characters, escape sequences, backslashes and
 * invalid bytes as `\xNN`, so that a hostile name can neither move the cursor nor forge a line.
 */
export function show(bytes: Bytes): string {
  const buffer = toBuffer(bytes);
  const text = buffer.toString('utf8');
  const readable = Buffer.from(text, 'utf8').equals(buffer) ? text : bytes.replace(/[\x80-\xff]/g, escapeUnits);
  // \p{Cc} controls, \p{Cf} bidi overrides and other invisible formatting, \p{Zl}\p{Zp} line breaks.
  return readable.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => escapeUnits(Buffer.from(c, 'utf8').latin1Slice()));
}

function escapeUnits(units: string): string {
  return Array.from(units, (unit) => `\\x${unit.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
}
