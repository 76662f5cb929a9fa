import type { Readable } from 'node:stream';

/**
 * Calls `hear` with each line that a stream brings, without its end. Not node:readline: to that a U+2028 ends a line, which
 * JSON leaves as it is, and so does the end of the stream, where a process was killed in the middle of what it said.
 */
export function eachLine(stream: Readable, hear: (line: string) => void): void {
  let pieces: string[] = [];
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const [first = '', ...others] = chunk.split('\n');
    pieces.push(first);
    for (const next of others) {
      hear(pieces.join(''));
      pieces = [next];
    }
  });
}
