/**
 * Reads what make.conf and files like it are made of: assignments and `source`, in the words of a shell with quotes, `$NAME`,
 * `${NAME}` and comments. Nothing is executed: what would have to be stands in its word as {@link Unknown} and is
 * an error for who needs that word (`MAKEOPTS="-j$(nproc)"` harms nobody).
 */

import type { Bytes } from '@emplace/syscalls';

/** A piece of a word: bytes as they are, or what stands for other bytes. */
export type Piece = Bytes | { readonly variable: Bytes } | Unknown;
/** Something that only a shell could expand. */
interface Unknown {
  readonly unknown: Bytes;
}

export type Statement =
  | { readonly kind: 'assign'; readonly name: Bytes; readonly value: readonly Piece[]; readonly line: number }
  | { readonly kind: 'source'; readonly path: readonly Piece[]; readonly line: number };

/** `line` from 1. */
export interface SyntaxProblem {
  readonly line: number;
  readonly why: string;
}

const BETWEEN = /(?:[ \t\r\n;]|\\\n|#[^\n]*)+/y;
/** Portage takes blanks on both sides of the sign. A blank after it alone is an empty value, as in a shell. */
const NAME = /(?:export[ \t]+)*([A-Za-z_]\w*)(?:=|[ \t]+=[ \t]*)/y;
const SOURCE = /source[ \t]+/y;
const REST_OF_LINE = /[^\n]*/y;

const PLAIN = /[^ \t\r\n;'"\\$`]+/y;
const SINGLE = /'([^']*)'/y;
const ESCAPED = /\\([\s\S]?)/y;
const VARIABLE = /\$(?:\{(\w+)\}|([A-Za-z_]\w*))/y;
const COMMAND = /`[^`\n]*`?|\$[({][^\n"']*/y;
const IN_DOUBLE = /(?:[^"\\$`]|\\[^"\\$`\n])+/y;
const CONTINUED = /\\\n/y;

/** Statements that are none become problems, and reading goes on in the next line. */
export function parseAssignments(text: Bytes): { statements: Statement[]; problems: SyntaxProblem[] } {
  const reader = new Reader(text);
  const statements: Statement[] = [];
  const problems: SyntaxProblem[] = [];
  for (reader.take(BETWEEN); !reader.atEnd; reader.take(BETWEEN)) {
    const line = reader.line;
    const name = reader.take(NAME)?.[1] as Bytes | undefined;
    const source = name === undefined && reader.take(SOURCE) !== undefined;
    if (name === undefined && !source) {
      problems.push({ line, why: 'it is no assignment' });
      reader.take(REST_OF_LINE);
      continue;
    }
    const word = readWord(reader);
    if (word === undefined) {
      problems.push({ line, why: 'a quote is never closed' });
      break;
    }
    statements.push(
      name === undefined ? { kind: 'source', path: word, line } : { kind: 'assign', name, value: word, line },
    );
  }
  return { statements, problems };
}

/** undefined for a quote that is never closed. */
function readWord(reader: Reader): Piece[] | undefined {
  const pieces: Piece[] = [];
  for (;;) {
    const text = reader.take(PLAIN)?.[0] ?? reader.take(SINGLE)?.[1];
    const escaped = text === undefined ? reader.take(ESCAPED)?.[1] : undefined;
    if (text !== undefined) pieces.push(text as Bytes);
    else if (escaped !== undefined) pieces.push((escaped === '\n' ? '' : escaped) as Bytes);
    else if (reader.next === '"') {
      const quoted = readDoubleQuoted(reader);
      if (quoted === undefined) return undefined;
      pieces.push(...quoted);
    } else if (reader.next === "'") return undefined;
    else {
      const expansion = readExpansion(reader);
      if (expansion === undefined) return pieces;
      pieces.push(expansion);
    }
  }
}

function readDoubleQuoted(reader: Reader): Piece[] | undefined {
  reader.skip();
  const pieces: Piece[] = [];
  while (!reader.atEnd) {
    if (reader.next === '"') {
      reader.skip();
      return pieces;
    }
    const text = reader.take(IN_DOUBLE)?.[0] ?? (reader.take(CONTINUED) && '') ?? reader.take(ESCAPED)?.[1];
    pieces.push(text === undefined ? (readExpansion(reader) as Piece) : (text as Bytes));
  }
  return undefined;
}

/** undefined where there is none. */
function readExpansion(reader: Reader): Piece | undefined {
  const [, braced, bare] = reader.take(VARIABLE) ?? [];
  const variable = braced ?? bare;
  if (variable !== undefined) return { variable: variable as Bytes };
  const command = reader.take(COMMAND)?.[0] as Bytes | undefined;
  if (command !== undefined) return { unknown: command };
  return reader.next === '$' ? (reader.skip() as Bytes) : undefined;
}

/** A text and how far it was read. */
class Reader {
  readonly #text: string;
  #at = 0;
  /** From 1: the line of what comes next. */
  line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  get next(): string | undefined {
    return this.#text[this.#at];
  }

  /** What a sticky expression finds here; it is passed over. */
  take(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text);
    if (found !== null) this.#pass(found[0]);
    return found ?? undefined;
  }

  /** Passes over one byte. */
  skip(): string {
    const byte = this.#text.charAt(this.#at);
    this.#pass(byte);
    return byte;
  }

  #pass(text: string): void {
    this.#at += text.length;
    for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) this.line++;
  }
}
