import { type Bytes, toBuffer } from '@emplace/syscalls';

/**
 * Equal for two names that a directory which folds case may take for one: letters of another case, composed otherwise, or beside characters that are
 * not seen (ext4 and tmpfs compare by Unicode's full case folding of the NFD form without ignorable code points: Linux, fs/unicode; what is no UTF-8
 * they compare as bytes).
 *
 * Not guaranteed: that they are one there; more may be equal here.
 */
export function foldCase(name: Bytes): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  if (/^[\x00-\x7f]*$/.test(name)) return name.toUpperCase();
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(toBuffer(name));
    return text
      .normalize('NFD')
      .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
      .toUpperCase()
      .normalize('NFD');
  } catch {
    return name.toUpperCase();
  }
}
