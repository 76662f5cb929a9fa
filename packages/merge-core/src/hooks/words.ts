import type { Bytes } from '@emplace/syscalls';

/** A run of bytes that are neither space nor special, quoted text, or an escaped byte. */
const PART = /[^ \t'"\\]+|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/sy;

/**
 * A command's words as alpm-hooks(5) splits them: at blanks, but not within quotes. A backslash takes away what the next
 * byte means, but not in single quotes. Nothing is expanded: there is no shell.
 * @returns undefined when a quote or a backslash at the end is left open
 */
export function splitWords(command: Bytes): Bytes[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < command.length; ) {
    if (/[ \t]/.test(command[at] as string)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at++;
      continue;
    }
    PART.lastIndex = at;
    const [all, single, double, escaped] = PART.exec(command) ?? [];
    if (all === undefined) return undefined;
    word = (word ?? '') + (single ?? double?.replace(/\\(.)/gs, '$1') ?? escaped ?? all);
    at += all.length;
  }
  if (word !== undefined) words.push(word);
  return words as Bytes[];
}
