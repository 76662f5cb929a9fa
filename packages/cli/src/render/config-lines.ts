import { styleText } from 'node:util';
import { type Bytes, show } from '@emplace/syscalls';

/** What a line is, which decides its colour. */
export type LineStyle = 'plain' | 'head' | 'place' | 'removed' | 'added' | 'conflict';

/** A line without its end. */
export interface ShownLine {
  /** Bytes, one latin1 unit each. */
  readonly text: string;
  readonly style: LineStyle;
}

const COLOURS = {
  plain: undefined,
  head: 'bold',
  place: 'cyan',
  removed: 'red',
  added: 'green',
  conflict: 'yellow',
} as const;

type Output = Pick<NodeJS.WriteStream, 'isTTY'> & NodeJS.WritableStream;

/**
 * Writes lines of somebody's files. What stands in them can move a cursor, retitle a window or hide a change: on a terminal all but tabs is
 * shown as show() does. Elsewhere each byte stays, so that patch(1) has the diff as it is.
 */
export function writeLines(lines: readonly ShownLine[], output: Output): void {
  if (lines.length === 0) return;
  const isTerminal = output.isTTY === true;
  const told = lines.map(({ text, style }) => coloured(isTerminal ? harmless(text) : text, style, output));
  output.write(Buffer.from(`${told.join('\n')}\n`, isTerminal ? 'utf8' : 'latin1'));
}

function harmless(text: string): string {
  return text
    .split('\t')
    .map((part) => show(part as Bytes))
    .join('\t');
}

/** NO_COLOR, FORCE_COLOR and what the terminal can are Node's to know. */
function coloured(text: string, style: LineStyle, output: Output): string {
  const colour = COLOURS[style];
  return colour === undefined ? text : styleText(colour, text, { stream: output });
}
